"""The files of a load job: found below the bucket's folder, and read strictly before the job changes anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.local.strict_ndjson import BadRow, Field, read_strict

DETAILS = "details"  # key in an error result: what else stands in the job's list of errors
READING = "Error while reading data, error message: "


class LoadFailed(Exception):  # the job failed, the emulator did not
    """Why a load job ends with an error; `result` is the job's error result."""

    def __init__(self, reason: str, message: str, uri: str = "", details: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(message)
        self.result: dict[str, Any] = {"reason": reason, "message": message}
        if uri:
            self.result["location"] = uri
        if details:
            self.result[DETAILS] = list(details)


def find_files(uris: Sequence[str], root: Path) -> dict[str, Path]:
    """Find the files of `gs://` URIs below the folder of all buckets.

    Returns
    -------
    dict
        URI of each file to its path, in the order of the URIs; one `*` in a URI stands for any characters, `/` too.
    """
    found: dict[str, Path] = {}
    for uri in uris:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        if not uri.startswith("gs://") or ".." in Path(name).parts:
            raise LoadFailed("invalid", f"Source URI must be a Google Cloud Storage location: {uri}", uri)
        matches = _matches(root / bucket, name)
        if not matches:
            raise LoadFailed("notFound", f"Not found: URI {uri}", uri)
        found |= {f"gs://{bucket}/{name}": root / bucket / name for name in matches}
    return found


def _matches(folder: Path, name: str) -> list[str]:
    if "*" not in name:
        return [name] if (folder / name).is_file() else []
    pattern = re.compile(".*".join(map(re.escape, name.split("*"))))
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(filter(pattern.fullmatch, names))


def read_file(uri: str, path: Path, fields: Sequence[Field]) -> pa.Table:
    """Read a file of rows, or fail as the job does: at the first bad row, naming file and row."""
    try:
        return read_strict(path, fields)
    except BadRow as bad:
        counts = f"giving up. Rows: {bad.number}; errors: 1"
        more = f"Please look into the errors[] collection for more details. File: {uri}"
        limit = f"{READING}JSON processing encountered too many errors, {counts}; max bad: 0; error percent: 0"
        row = f"{READING}JSON parsing error in row starting at position {bad.position}: {bad.reason} File: {uri}"
        details = [{"reason": "invalid", "message": limit}, {"reason": "invalid", "message": row, "location": uri}]
        message = f"{READING}JSON table encountered too many errors, {counts}. {more}"
        raise LoadFailed("invalid", message, uri, details) from None
