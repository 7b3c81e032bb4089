"""The files of a load job, found in the bucket's folder and read strictly before the job changes anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.emulators.strict_jsonl import Field, read_strict

MORE = "Please look into the errors[] collection for more details."

DETAILS = "details"
"""Key in an error result or in statistics: further entries of the job's list of errors."""

READING = "Error while reading data, error message: "


class LoadFailed(Exception):
    """A load job failed, the emulator did not; `result` is the job's error result."""

    def __init__(self, reason: str, message: str, uri: str = "", details: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(message)
        self.result: dict[str, Any] = {"reason": reason, "message": message}
        if uri:
            self.result["location"] = uri
        if details:
            self.result[DETAILS] = list(details)


def find_files(uris: Sequence[str], root: Path) -> dict[str, Path]:
    """Return the files of `gs://` URIs below the folder of all buckets, from URI to path, in the order of the URIs.

    A `*` in a URI matches any characters, including `/`.

    Raises
    ------
    LoadFailed
        A URI has another form, or no file.
    """
    files: dict[str, Path] = {}
    for uri in uris:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        if not uri.startswith("gs://") or ".." in Path(name).parts:
            raise LoadFailed("invalid", f"Source URI must be a Google Cloud Storage location: {uri}", uri)
        matches = _matches(root / bucket, name)
        if not matches:
            raise LoadFailed("notFound", f"Not found: URI {uri}", uri)
        files |= {f"gs://{bucket}/{name}": root / bucket / name for name in matches}
    return files


def _matches(folder: Path, name: str) -> list[str]:
    if "*" not in name:
        return [name] if (folder / name).is_file() else []
    pattern = re.compile(".*".join(map(re.escape, name.split("*"))))
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(filter(pattern.fullmatch, names))


def read_files(
    files: Mapping[str, Path], fields: Sequence[Field], max_bad: int
) -> tuple[dict[str, pa.Table], list[dict[str, str]]]:
    """Return the rows of files by path, without the bad ones, and an error for each bad row, naming file and row.

    Returns
    -------
    tuple
        Tables of shape (good rows, fields), and one error per bad row.

    Raises
    ------
    LoadFailed
        The files have more than `max_bad` bad rows.
    """
    tables: dict[str, pa.Table] = {}
    errors: list[dict[str, str]] = []
    number = 0
    for uri, path in files.items():
        rows = read_strict(path, fields, max_bad - len(errors))
        tables[str(path)] = rows.table
        for bad in rows.bad:
            start = f"{READING}JSON parsing error in row starting at position {bad.position}"
            errors.append({"reason": "invalid", "message": f"{start}: {bad.reason} File: {uri}", "location": uri})
        number += rows.number
        if len(errors) > max_bad:
            raise _too_many(uri, number, errors, max_bad)
    return tables, errors


def _too_many(uri: str, number: int, errors: list[dict[str, str]], max_bad: int) -> LoadFailed:
    counts = f"giving up. Rows: {number}; errors: {len(errors)}"
    limit = f"{READING}JSON processing encountered too many errors, {counts}; max bad: {max_bad}; error percent: 0"
    message = f"{READING}JSON table encountered too many errors, {counts}. {MORE} File: {uri}"
    return LoadFailed("invalid", message, uri, [{"reason": "invalid", "message": limit}, *errors])
