"""A disk cache of analysis results, keyed by everything a result depends on: analyzing takes most of a check."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.base.atomic_file import replace_file
from pipeline.base.digests import SHORT
from pipeline.operate.sql.engine import COMPILED

FOLDER = "analyses"
DAY = 24 * 3600
"""Seconds that results of other rules are kept."""


@dataclass(frozen=True)
class Definition:
    """A table, view or function that a statement makes: the analyzer's message in base64, and the partition column."""

    name: str
    content: str
    is_function: bool = False
    partition: str | None = None

    @classmethod
    def of(cls, name: str, message: bytes, *, is_function: bool = False, partition: str | None = None) -> Definition:
        """Return the definition that a message of the analyzer holds."""
        return cls(name, base64.b64encode(message).decode(), is_function, partition)

    @property
    def message(self) -> bytes:
        """The analyzer's message for it."""
        return base64.b64decode(self.content, validate=True)


@dataclass(frozen=True)
class Analysis:
    """The result of analyzing a statement without a mistake: names and types of its columns, and what it makes."""

    columns: tuple[tuple[str, str], ...] = ()
    made: Definition | None = None


class AnalysisCache:
    """A folder with a file for each statement without a mistake; any other statement is analyzed each time.

    Results of other rules or of another analyzer are removed after a day. A folder that cannot be read or written costs
    time, but changes no result.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / FOLDER / RULES

    def find(self, key: dict[str, Any]) -> Analysis | None:
        """Return the result with this key; None if there is no file or a damaged one."""
        try:
            content = json.loads(self._path(key).read_bytes())
            made = Definition(**content["made"]) if content["made"] else None
            if made:
                _ = made.message
            return Analysis(tuple((name, kind) for name, kind in content["columns"]), made)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, key: dict[str, Any], analysis: Analysis) -> None:
        """Store a result; a process that reads at the same time gets all of it or nothing."""
        with suppress(OSError):
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True)
                for other in self._folder.parent.iterdir():  # the last day stays: one may switch between two versions
                    if other != self._folder and time.time() - other.stat().st_mtime > DAY:
                        shutil.rmtree(other, ignore_errors=True)
            replace_file(self._path(key), json.dumps(asdict(analysis)).encode())

    def _path(self, key: dict[str, Any]) -> Path:
        # Keys are not sorted: the order of the fields of a struct is part of its type
        return self._folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.json"


def digest_of_rules(folder: Path) -> str:
    """Return the digest of the analyzer's version and of the code in a folder."""
    digest = hashlib.sha256(COMPILED.encode())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:SHORT]


RULES = digest_of_rules(Path(__file__).parent)
"""Digest of the analyzer's version and of this package's code when it was imported."""
