"""The layout of the bucket: builds the address of every object of a job, and parses it back.

`Kind` shows all of it. No other module spells a folder or a file name of the bucket, except for the files in a bundle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from string import Formatter
from typing import Any

from pipeline.base.dates import is_date
from pipeline.base.digests import UNIQUE, unique_name


class Folder(StrEnum):
    """Folders below the folder of a job."""

    ATTEMPTS = "attempts"
    STAGED = "attempts/staged"
    FAILURES = "failures"
    MODELS = "models"
    PREDICTIONS = "predictions"
    REJECTS = "rejects"
    SOURCES = "sources"


_RUN = "{run_date}/{run_id}"
_PREDICTIONS = f"{{job}}/{Folder.PREDICTIONS}/{_RUN}/{{variant}}/{{model_id}}"
_SHARD = "shard-{shard:05d}-of-{shards:05d}"


class Kind(StrEnum):
    """Kinds of addresses, each with the form of its path below the prefix of the target."""

    SOURCE = f"{{job}}/{Folder.SOURCES}/{{source}}/{{digest}}.jsonl"
    STAGED = f"{{job}}/{Folder.STAGED}/{{upload}}.jsonl"
    CLAIM = f"{{job}}/{Folder.ATTEMPTS}/{{run_date}}/generations/{{generation:06d}}.json"
    EXAMPLES = f"{{job}}/{Folder.ATTEMPTS}/{_RUN}/examples.json"
    VOID = f"{{job}}/{Folder.ATTEMPTS}/{_RUN}/void.json"
    MODEL = f"{{job}}/{Folder.MODELS}/{_RUN}/{{variant}}.json"
    BUNDLE = f"{{job}}/{Folder.MODELS}/{_RUN}/{{variant}}/bundle{{unique}}"
    BUNDLE_FILE = f"{BUNDLE}/{{file}}"
    TRAIN_FAILED = f"{{job}}/{Folder.MODELS}/{_RUN}/{{variant}}/failed-{{digest}}.json"
    MANIFEST = f"{_PREDICTIONS}/manifest.json"
    PREDICT_FAILED = f"{_PREDICTIONS}/failed-{{digest}}.json"
    SHARD = f"{_PREDICTIONS}/{_SHARD}.json"
    SHARD_FILE = f"{_PREDICTIONS}/{_SHARD}{{unique}}.jsonl"
    PREDICTIONS = _PREDICTIONS
    REJECTS = f"{{job}}/{Folder.REJECTS}/{_RUN}/{{variant}}/{{model_id}}/{_SHARD}{{unique}}.jsonl"
    FAILURE = f"{{job}}/{Folder.FAILURES}/{{execution}}/task-{{task:05d}}.json"


@dataclass(frozen=True)
class ObjectPath:
    """The kind of an address and its fields; a field that the kind lacks has its default.

    Parameters
    ----------
    variant
        Name of the folder of a variant, `<name>-<digest>`.
    unique
        End of a name that no two attempts share.
    upload
        Name of a staged file without its ending.
    file
        Path of a file in its bundle.
    """

    kind: Kind
    job: str
    run_date: date = date.min
    run_id: str = ""
    generation: int = 0
    variant: str = ""
    model_id: str = ""
    shard: int = 0
    shards: int = 0
    unique: str = ""
    file: str = ""
    source: str = ""
    digest: str = ""
    upload: str = ""
    execution: str = ""
    task: int = 0

    @property
    def text(self) -> str:
        """The path below the prefix of the target."""
        return self.kind.format(**vars(self))


def _pattern(kind: Kind) -> re.Pattern[str]:
    special = {"run_date": r"\d{4}-\d{2}-\d{2}", "unique": UNIQUE, "upload": f"[^/]+{UNIQUE}", "file": ".+"}
    pattern = ""
    for literal, field, digits, _ in Formatter().parse(kind):
        number = rf"\d{{{int(digits[:-1])}}}" if digits else ""
        pattern += re.escape(literal) + (f"(?P<{field}>{number or special.get(field, '[^/]+')})" if field else "")
    return re.compile(pattern, re.ASCII)


PREDICTION_FILES = f"shard-*.jsonl, {Kind.MANIFEST.rpartition('/')[2]}"
"""The files of predictions as people read them."""

_PATTERNS = {kind: _pattern(kind) for kind in Kind}
_NUMBERS = ("generation", "shard", "shards", "task")


def parse_uri(root: str, uri: str) -> ObjectPath | None:
    """Return what an address below the prefix of a target names, or None if it has the form of no kind."""
    for kind, pattern in _PATTERNS.items():
        match = pattern.fullmatch(uri.removeprefix(f"{root}/"))
        if match:
            fields: dict[str, Any] = match.groupdict()
            if not is_date(fields.get("run_date", "1970-01-01")):
                return None
            dates = {name: date.fromisoformat(fields[name]) for name in fields if name == "run_date"}
            numbers = {name: int(fields[name]) for name in fields if name in _NUMBERS}
            return ObjectPath(kind, **(fields | dates | numbers))
    return None


@dataclass(frozen=True)
class JobLayout:
    """Addresses of the objects of a job.

    Parameters
    ----------
    root
        Address of the target's prefix, `gs://<bucket>/<prefix>`.
    """

    root: str
    job: str

    def parse(self, uri: str) -> ObjectPath | None:
        """Return what an address names; None for an address that is not one of the job's."""
        path = parse_uri(self.root, uri)
        return path if path and path.job == self.job else None

    def uri(self, path: ObjectPath) -> str:
        """Return the address of a path."""
        return f"{self.root}/{path.text}"

    def folder(self, folder: Folder, run_date: date | None = None) -> str:
        """Return the address of a folder, or of what it holds of a run date; ends in `/`."""
        return "/".join([self.root, self.job, folder, *([str(run_date)] if run_date else []), ""])

    def source(self, source: str, digest: str) -> str:
        """Return the address of a file of a source, named by its SHA-256."""
        return self.uri(ObjectPath(Kind.SOURCE, self.job, source=source, digest=digest))

    def staged(self, upload: str) -> str:
        """Return the address of rows that wait to be loaded, under a unique name."""
        return self.uri(ObjectPath(Kind.STAGED, self.job, upload=upload))

    def claim(self, run_date: date, generation: int) -> str:
        """Return the address of the claim of a generation."""
        return self.uri(ObjectPath(Kind.CLAIM, self.job, run_date, generation=generation))

    def failure(self, execution: str, task: int) -> str:
        """Return the address of the permanent failure of a task of an execution."""
        return self.uri(ObjectPath(Kind.FAILURE, self.job, execution=execution, task=task))

    def uploaded(self, uri: str) -> str:
        """Return the address that markers have for an upload (of a bundle: its folder); empty for another object."""
        path = self.parse(uri)
        if path and path.kind is Kind.BUNDLE_FILE:
            return self.uri(replace(path, kind=Kind.BUNDLE))
        return uri if path and path.kind in (Kind.SHARD_FILE, Kind.STAGED) else ""

    def rejects(self, shard_file: str) -> str:
        """Return the address of the rejected rows of a shard: the name of its file, in another folder.

        Raises
        ------
        ValueError
            The address is not that of a shard's file.
        """
        path = self.parse(shard_file)
        if path is None or path.kind is not Kind.SHARD_FILE:
            raise ValueError(f"{shard_file} is not the file of a shard")
        return self.uri(replace(path, kind=Kind.REJECTS))


@dataclass(frozen=True)
class RunLayout(JobLayout):
    """Addresses of the objects of a run; variants are named by their ids, `<name>@<digest>`."""

    run_date: date
    run_id: str

    def run_folder(self, folder: Folder) -> str:
        """Return the address of what a folder holds of the run; ends in `/`."""
        return f"{self.folder(folder, self.run_date)}{self.run_id}/"

    def _uri(self, kind: Kind, variant: str = "", **fields: str) -> str:
        return f"{self.root}/{kind.format(**vars(self), variant=variant.replace('@', '-'), **fields)}"

    @property
    def examples(self) -> str:
        """Address of the marker that counts the examples."""
        return self._uri(Kind.EXAMPLES)

    @property
    def void(self) -> str:
        """Address of the object that says that the run can never be done: its snapshot lacks the data."""
        return self._uri(Kind.VOID)

    def model(self, variant: str) -> str:
        """Return the address of the marker that commits the model of a variant."""
        return self._uri(Kind.MODEL, variant)

    def new_bundle(self, variant: str) -> str:
        """Return the address of the folder of a new bundle: each call returns another one."""
        return self._uri(Kind.BUNDLE, variant, unique=unique_name(""))

    def predictions(self, variant: str, model_id: str) -> str:
        """Return the address of the folder of one model's predictions."""
        return self._uri(Kind.PREDICTIONS, variant, model_id=model_id)

    def failed(self, phase: str, variant: str, model_id: str, digest: str) -> str:
        """Return the address of the reason for which a variant failed in train or predict, by the reason's digest."""
        kind = Kind.TRAIN_FAILED if phase == "train" else Kind.PREDICT_FAILED
        return self._uri(kind, variant, model_id=model_id, digest=digest)


def folder_of(uri: str) -> str:
    """Return the address of the folder of an object."""
    return uri.rpartition("/")[0]


def model_of(bundle: str) -> str:
    """Return the address of the marker that commits a bundle."""
    return f"{folder_of(bundle)}.json"


def manifest_in(folder: str) -> str:
    """Return the address of the manifest in a folder of predictions."""
    return folder + Kind.MANIFEST.removeprefix(_PREDICTIONS)


def marker_in(folder: str, shard: int, shards: int) -> str:
    """Return the address of the object that commits a shard, in a folder of predictions."""
    return folder + Kind.SHARD.removeprefix(_PREDICTIONS).format(shard=shard, shards=shards)


def new_file_in(folder: str, shard: int, shards: int) -> str:
    """Return the address of a new file of a shard, in a folder of predictions: each call returns another one."""
    ending = Kind.SHARD_FILE.removeprefix(_PREDICTIONS)
    return folder + ending.format(shard=shard, shards=shards, unique=unique_name(""))
