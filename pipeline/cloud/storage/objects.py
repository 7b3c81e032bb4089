"""Uploads content with its size and checksum, and compares them after the upload."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
from google.api_core import exceptions
from google.cloud import storage  # type: ignore[attr-defined] # no annotations in this package
from google.resumable_media import DataCorruption

from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY

REPLACING = "storage.objects.delete"
"""Permission that an upload needs only if an object of its name exists, and that no phase has. The documentation
of Cloud Storage does not say whether it or the precondition is checked first
(https://cloud.google.com/storage/docs/access-control/iam-json)."""


class Content(NamedTuple):
    """Size in bytes and checksum of content; `crc32c` is base64 of the big-endian checksum, as in Cloud Storage."""

    size: int
    crc32c: str

    @classmethod
    def of_bytes(cls, content: bytes) -> Content:
        """Return size and checksum of bytes."""
        return cls(len(content), _base64(google_crc32c.Checksum(content)))

    @classmethod
    def of_file(cls, path: Path) -> Content:
        """Return size and checksum of a file."""
        checksum = google_crc32c.Checksum()
        with path.open("rb") as file:
            for _ in checksum.consume(file, 1 << 20):
                pass
        return cls(path.stat().st_size, _base64(checksum))

    @classmethod
    def of_object(cls, blob: storage.Blob) -> Content:
        """Return size and checksum of an object, as the bucket reports them."""
        return cls(int(blob.size or 0), blob.crc32c or "")


def create(blob: storage.Blob, content: Content, upload: Callable[..., None], *arguments: Any, timeout: float) -> None:
    """Upload a new object, and compare what has arrived.

    Cloud Storage refuses content with another checksum. If it did not, the object is removed. So is an object that
    arrived under another name: the name travels in the body of the request, which no checksum covers.

    Raises
    ------
    google.api_core.exceptions.PreconditionFailed
        An object of this name exists.
    google.cloud.storage.exceptions.DataCorruption
        Another content or name arrived.
    """
    try:
        upload(*arguments, if_generation_match=0, checksum="crc32c", timeout=timeout, retry=NO_RETRY)
    except exceptions.Forbidden as error:
        if REPLACING not in str(error):
            raise
        raise exceptions.PreconditionFailed(f"{blob.name}: exists already", response=error.response) from error
    arrived = blob.bucket.blob(blob._properties.get("name", blob.name))  # noqa: SLF001 - the answer's name, not ours
    if Content.of_object(blob) != content or arrived.name != blob.name:
        arrived.delete(if_generation_match=blob.generation, timeout=CALL_TIMEOUT, retry=NO_RETRY)
        raise DataCorruption(None, f"{blob.name}: another content or name arrived than was sent")


def _base64(checksum: google_crc32c.Checksum) -> str:
    return base64.b64encode(checksum.digest()).decode()
