"""What is wrong with a statement, and where it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zetasql.core.exceptions import ServerError

from pipeline.sql_assets import Statement

LOCATION = re.compile(r"\s*\[at (\d+):(\d+)\]\s*$")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a statement, and where it is written."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}: {self.what}"
        return "".join(c if c.isprintable() else "?" for c in text)


class Rejected(Exception):
    """The analyzer refuses a statement."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def finding_of(statement: Statement, error: ServerError) -> Finding:
    """Say where the mistake stands in its file: the analyzer counts lines of the rendered text."""
    found = LOCATION.search(error.raw_error)
    number = int(found.group(1)) if found else 1
    path, line = statement.lines[min(number, len(statement.lines)) - 1]
    return Finding(path, line, " ".join(LOCATION.sub("", error.raw_error.partition("Message: ")[2]).split()))
