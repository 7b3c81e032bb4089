"""What a check found: one line, with what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import PipelineError

OK, NOTE, ERROR = "ok", "note", "error"


NOTED = "note: "
"""Begins what is worth knowing and no error."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Parameters
    ----------
    state
        `ok`, `note` or `error`.
    exit_code
        That of the error, else 0.
    """

    check: str
    state: str
    said: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.state:<6}{self.check}: {self.said}"


def found(check: str, look: Callable[..., str], *arguments: Any) -> Finding:
    """Make a finding of what a check says, or of the error that it raises."""
    try:
        said = look(*arguments)
    except PipelineError as error:
        return failed(check, error)
    return Finding(check, NOTE if said.startswith(NOTED) else OK, said.removeprefix(NOTED))


def failed(check: str, error: PipelineError) -> Finding:
    """Make a finding of an error."""
    return Finding(check, ERROR, str(error), error.exit_code)


def worst(findings: Iterable[Finding]) -> int:
    """Return the exit code of the worst finding: 0 when there are only notes."""
    return max((finding.exit_code for finding in findings), default=0)


def verdict(findings: Sequence[Finding]) -> str:
    """Say in one line what all of them come to."""
    count = Counter(finding.state for finding in findings)
    what = "not fit, mend the errors from the top" if count[ERROR] else "fit"
    return f"{what}: {count[OK]} ok, {count[NOTE]} to note, {count[ERROR]} to mend"
