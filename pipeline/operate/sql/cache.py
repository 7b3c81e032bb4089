"""Results of the analyzer, and a disk cache of them, keyed by everything a result depends on."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.base.digests import SHORT
from pipeline.base.files import replace_file

VERSIONS = "-".join(f"{name}-{metadata.version(name)}" for name in ("zetasql", "wasmtime", "tzdata"))
"""Versions of the packages that decide a result: the analyzer, the engine that runs it, its time zones."""

FOLDER = "analyses"
MONTH = 30 * 24 * 3600
"""Seconds that results of other rules, and analyzers of other versions, are kept."""


def machine_folder(local_dir: Path) -> Path:
    """Return the folder that all checkouts of a user share, below the user's cache directory.

    Parameters
    ----------
    local_dir
        Used instead if that folder cannot be written.
    """
    named, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME")
    with suppress(OSError, KeyError):  # KeyError: this user has no entry, as in some containers
        below = "Library/Caches" if sys.platform == "darwin" else ".cache"
        caches = Path(home or pwd.getpwuid(os.getuid()).pw_dir, below)
        folder = (Path(named) if Path(named).is_absolute() else caches) / "bigquery-batch-ml" / "analyzer"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return local_dir / "analyzer"


@dataclass(frozen=True)
class Finding:
    """A mistake in a statement, with its file and line."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}: {self.message}"
        return "".join(c if c.isprintable() else "?" for c in text)


class Rejected(Exception):
    """The analyzer refuses a statement."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


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

    Results of other rules or of another analyzer are removed after a month. A folder that cannot be read or written
    costs time, but changes no result.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / FOLDER / RULES

    @property
    def is_empty(self) -> bool:
        """Whether nothing was analyzed with these rules."""
        return not self._folder.is_dir()

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
            if self.is_empty:
                self._folder.mkdir(parents=True)
                for other in self._folder.parent.iterdir():  # other checkouts may have other versions
                    if other != self._folder and time.time() - other.stat().st_mtime > MONTH:
                        shutil.rmtree(other, ignore_errors=True)
            replace_file(self._path(key), json.dumps(asdict(analysis)).encode())

    def _path(self, key: dict[str, Any]) -> Path:
        # Keys are not sorted: the order of the fields of a struct is part of its type
        return self._folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.json"


def digest_of_rules(folder: Path) -> str:
    """Return the digest of the analyzer's version and of the code in a folder."""
    digest = hashlib.sha256(VERSIONS.encode())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:SHORT]


RULES = digest_of_rules(Path(__file__).parent)
"""Digest of the analyzer's version and of this package's code when it was imported."""
