"""The bucket of a target: objects are created once, read and listed. The local target differs only in its client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage  # type: ignore[attr-defined] # no annotations in this package

from pipeline.base.stored_json import DAMAGED
from pipeline.cloud.retries import CALL_TIMEOUT, TRANSFER_TIMEOUT, call, call_or_none, cloud_errors, with_retries
from pipeline.cloud.storage.objects import Content, create
from pipeline.cloud.storage.rights import BucketRights
from pipeline.errors import CheckError, CloudError, PipelineError, RequestError
from pipeline.project.target import Target


@dataclass(frozen=True)
class StoredObject:
    """An object as the bucket reports it; `created` is by the bucket's clock."""

    uri: str
    size: int
    crc32c: str
    generation: int
    created: datetime


class Store:
    """The bucket of a target; the connection is made at the first call.

    Parameters
    ----------
    target
        Names bucket and prefix.
    """

    def __init__(self, target: Target) -> None:
        self.target = target

    @cached_property
    def _client(self) -> storage.Client:
        options: dict[str, Any] = {"project": self.target.project}
        if self.target.endpoints:
            options["credentials"] = AnonymousCredentials()
            options["client_options"] = {"api_endpoint": self.target.endpoints.storage}
        with cloud_errors(f"connecting to bucket {self.target.bucket}"):
            client = storage.Client(**options)
        if self.target.endpoints:
            client._http.trust_env = False  # noqa: SLF001 - see bigquery_client
        return client

    @cached_property
    def rights(self) -> BucketRights:
        """Permissions of the credentials in the bucket."""
        return BucketRights(self._client, self.target.bucket)

    def uri(self, *parts: str) -> str:
        """Return the address of an object or folder below the target's prefix."""
        return "/".join(["gs:/", self.target.bucket, *filter(None, [self.target.prefix]), *parts])

    def create_bucket(self) -> None:
        """Create the target's bucket if it is missing."""
        if self.has_bucket():
            return
        bucket, where = self._client.bucket(self.target.bucket), self.target.location
        call(f"creating bucket {self.target.bucket}", self._client.create_bucket, bucket, location=where)

    def put_file(self, path: Path, uri: str) -> StoredObject:
        """Upload a whole file under a name that no other upload uses.

        Raises
        ------
        CloudError
            An object with other content exists.
        """
        blob, content, doing = self._blob(uri), Content.of_file(path), f"uploading {uri}"
        if not _create(doing, blob, content, blob.upload_from_filename, str(path), timeout=TRANSFER_TIMEOUT):
            # The reply to our own upload may have been lost: the same content means that it is done.
            call(doing, blob.reload)
            if Content.of_object(blob) != content:
                raise CloudError(f"{uri}: another object exists already", hint="run the command again")
        return _stored(blob)

    def put_json_once(self, value: Any, uri: str) -> Any:
        """Create a small JSON object, or return the content of the one that exists.

        Returns
        -------
        Any
            The content of the object: `value`, or the winner's value if another process was faster.
        """
        blob, text = self._blob(uri), json.dumps(value, indent=1, sort_keys=True).encode()
        content, upload = Content.of_bytes(text), blob.upload_from_string
        is_new = _create(f"creating {uri}", blob, content, upload, text, "application/json", timeout=CALL_TIMEOUT)
        return value if is_new else self.read_json(uri)

    def replace_text(self, text: str, uri: str, content_type: str) -> None:
        """Replace an object by a text; readers see the old content or the new one."""
        blob = self._blob(uri)
        upload, options = blob.upload_from_string, {"checksum": "crc32c", "timeout": TRANSFER_TIMEOUT}
        call(f"uploading {uri}", upload, text.encode(), content_type, **options)

    def read_json(self, uri: str) -> Any:
        """Return the content of a JSON object; None if it does not exist.

        Raises
        ------
        CheckError
            The object is not valid JSON.
        """
        content = self.read_bytes(uri)
        try:
            found = None if content is None else json.loads(content)
        except ValueError as error:
            raise CheckError(f"{uri}: damaged since it was written (not JSON: {error})", hint=DAMAGED) from error
        if content is not None and found is None:  # null is never written, and must not be read as a missing object
            raise CheckError(f"{uri}: damaged since it was written (null)", hint=DAMAGED)
        return found

    def read_bytes(self, uri: str) -> bytes | None:
        """Return the content of an object; None if it does not exist."""
        download, options = self._blob(uri).download_as_bytes, {"checksum": "crc32c", "timeout": TRANSFER_TIMEOUT}
        content: bytes | None = call_or_none(f"reading {uri}", download, **options)
        return content

    def download(self, uri: str, path: Path) -> Path:
        """Write an object to a local file.

        Raises
        ------
        RequestError
            The object does not exist.
        """
        content = self.read_bytes(uri)
        if content is None:
            raise RequestError(f"{uri}: no such object", hint="check the address")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below a folder, sorted; empty without a bucket."""
        bucket, name = split_uri(prefix)

        def prefixes(**options: Any) -> set[str]:
            blobs = self._client.list_blobs(bucket, prefix=name, delimiter="/", **options)
            return {prefix for page in blobs.pages for prefix in page.prefixes}

        found = call_or_none(f"listing {prefix}", prefixes) or ()
        return sorted(folder.removeprefix(name).rstrip("/") for folder in found)

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the objects whose address starts with `prefix`, sorted by name."""
        bucket, name = split_uri(prefix)
        listing = self._client.list_blobs
        blobs = call(f"listing {prefix}", lambda **options: tuple(listing(bucket, prefix=name, **options)))
        return sorted(map(_stored, blobs), key=lambda item: item.uri)

    def delete(self, item: StoredObject) -> bool:
        """Remove an object as it was listed; return False if it has changed or is gone."""
        blob = self._blob(item.uri)
        try:
            call(f"removing {item.uri}", blob.delete, if_generation_match=item.generation)
        except PipelineError as error:
            if isinstance(error.__cause__, exceptions.NotFound | exceptions.PreconditionFailed):
                return False
            raise
        return True

    def has_bucket(self) -> bool:
        """Tell whether the target's bucket exists."""
        return bool(call(f"looking at bucket {self.target.bucket}", self._client.bucket(self.target.bucket).exists))

    def _blob(self, uri: str) -> storage.Blob:
        bucket, name = split_uri(uri)
        if not name or name.endswith("/"):
            raise RequestError(f"{uri}: has no object name", hint="write gs://bucket/name")
        return self._client.bucket(bucket).blob(name)


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and object name of `gs://bucket/name`.

    Raises
    ------
    RequestError
        The text is not such an address, or has empty, `.` or `..` parts.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise RequestError(f"{uri!r} is not a gs:// address", hint="write gs://bucket/name")
    # An object must have one address: the ledger and all comparisons use it.
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")[: None if name else 0]):
        raise RequestError(f"{uri!r} has empty, . or .. parts", hint="write gs://bucket/name")
    return bucket, name


def _create(doing: str, blob: storage.Blob, content: Content, *upload: Any, timeout: float) -> bool:
    """Upload a new object; return False if one of its name exists."""
    with cloud_errors(doing):
        try:
            with_retries(lambda: create(blob, content, *upload, timeout=timeout))
        except exceptions.PreconditionFailed:
            return False
    return True


def _stored(blob: storage.Blob) -> StoredObject:
    uri = f"gs://{blob.bucket.name}/{blob.name}"
    return StoredObject(uri, *Content.of_object(blob), int(blob.generation or 0), blob.time_created)
