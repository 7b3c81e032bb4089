"""What the analyzer learnt of a statement, kept by everything that it depends on: analyzing takes most of a check."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.digests import canonical_json
from pipeline.sql_check.engine import COMPILED

FOLDER = "learnt"


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
        return base64.b64decode(self.content)


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
    """A folder with a file for each statement that passed; a statement that does not is analyzed each time."""

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / FOLDER

    def find(self, known: dict[str, Any]) -> Learnt | None:
        """Return what was learnt with just this knowledge; a file of no use is none."""
        try:
            read = json.loads(self._path(known).read_bytes())
            made = Made(**read["made"]) if read["made"] else None
            return Learnt(tuple((name, kind) for name, kind in read["columns"]), made)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def keep(self, known: dict[str, Any], learnt: Learnt) -> None:
        """Keep what was learnt; whoever reads at the same time finds all of it or nothing."""
        path = self._path(known)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{uuid4().hex}")
        partial.write_text(json.dumps(asdict(learnt)))
        partial.replace(path)

    def _path(self, known: dict[str, Any]) -> Path:
        content = canonical_json([COMPILED, _rules(), known])
        return self._folder / f"{hashlib.sha256(content.encode()).hexdigest()}.json"


@cache
def _rules() -> str:
    """Return the digest of this package's code: with other rules, nothing was learnt yet."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
