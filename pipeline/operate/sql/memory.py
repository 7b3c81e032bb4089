"""What the analyzer learnt of a statement, kept by everything that it depends on: analyzing takes most of a check."""

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

FOLDER, DAY = "learnt", 24 * 3600


@dataclass(frozen=True)
class Made:
    """A table, view or function as a statement makes it.

    Parameters
    ----------
    name
        Its name.
    content
        The analyzer's message for it, in base64.
    is_function
        Whether it is a function.
    partition
        The column by which it is partitioned.
    """

    name: str
    content: str
    is_function: bool = False
    partition: str | None = None

    @classmethod
    def of(cls, name: str, message: bytes, *, is_function: bool = False, partition: str | None = None) -> Made:
        """Return what a message of the analyzer describes."""
        return cls(name, base64.b64encode(message).decode(), is_function, partition)

    @property
    def message(self) -> bytes:
        """The analyzer's message for it."""
        return base64.b64decode(self.content, validate=True)


@dataclass(frozen=True)
class Learnt:
    """What is known of a statement in which nothing is wrong.

    Parameters
    ----------
    columns
        Names and types of its result.
    made
        What it makes.
    """

    columns: tuple[tuple[str, str], ...] = ()
    made: Made | None = None


class Memory:
    """A folder with a file for each statement that passed; a statement that does not is analyzed each time.

    What other rules or another analyzer have learnt is removed after a day. A folder that cannot be read or written
    costs time, and changes no answer.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / FOLDER / RULES

    def find(self, known: dict[str, Any]) -> Learnt | None:
        """Return what was learnt with just this knowledge; a file of no use is none."""
        try:
            read = json.loads(self._path(known).read_bytes())
            made = Made(**read["made"]) if read["made"] else None
            if made:
                _ = made.message
            return Learnt(tuple((name, kind) for name, kind in read["columns"]), made)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, known: dict[str, Any], learnt: Learnt) -> None:
        """Keep what was learnt; whoever reads at the same time finds all of it or nothing."""
        with suppress(OSError):
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True)
                _remove_old(self._folder)
            replace_file(self._path(known), json.dumps(asdict(learnt)).encode())

    def _path(self, known: dict[str, Any]) -> Path:
        # In the order as it is: that of the fields of a struct is part of its type
        return self._folder / f"{hashlib.sha256(json.dumps(known).encode()).hexdigest()}.json"


def _remove_old(folder: Path) -> None:
    """Remove what was learnt by other rules, but for the last day: somebody may go back and forth between two."""
    for other in folder.parent.iterdir():
        if other != folder and time.time() - other.stat().st_mtime > DAY:
            shutil.rmtree(other, ignore_errors=True)


def digest_of_rules(folder: Path) -> str:
    """Return the digest of the analyzer's version and of the code in a folder."""
    digest = hashlib.sha256(COMPILED.encode())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:SHORT]


RULES = digest_of_rules(Path(__file__).parent)
"""Digest of the analyzer's version and of this package's code as it was loaded: with others, nothing was learnt yet."""
