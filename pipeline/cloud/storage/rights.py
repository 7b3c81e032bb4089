"""Reads the permissions of the credentials in a bucket, and the bucket's settings.

https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions and
.../json_api/v1/managedFolder/testIamPermissions: every account may call them. Google's
client has no method for managed folders yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.cloud import storage  # type: ignore[attr-defined] # no annotations in this package

from pipeline.cloud.retries import call, call_or_none


@dataclass(frozen=True)
class BucketFacts:
    """The settings of a bucket.

    Parameters
    ----------
    uniform
        Only roles decide about access; objects have no access lists.
    never_public
        Public access is prevented at the bucket itself.
    soft_delete_seconds
        Seconds for which a deleted object can be restored.
    versioned
        Replaced and deleted objects are kept.
    """

    location: str
    uniform: bool
    never_public: bool
    soft_delete_seconds: int
    versioned: bool


@dataclass(frozen=True)
class BucketRights:
    """Permissions of the client's credentials in a bucket."""

    client: storage.Client
    bucket: str

    def facts(self) -> BucketFacts | None:
        """Return the settings of the bucket; None if it does not exist."""
        found = call_or_none(f"looking at bucket {self.bucket}", self.client.get_bucket, self.bucket)
        if found is None:
            return None
        access = found.iam_configuration
        return BucketFacts(
            str(found.location),
            bool(access.uniform_bucket_level_access_enabled),
            access.public_access_prevention == "enforced",
            int(found.soft_delete_policy.retention_duration_seconds or 0),
            bool(found.versioning_enabled),
        )

    def on_bucket(self, permissions: Iterable[str]) -> frozenset[str]:
        """Return the permissions among these that are held on the whole bucket."""
        bucket, asked = self.client.bucket(self.bucket), sorted(permissions)
        return frozenset(call(f"asking what is allowed in bucket {self.bucket}", bucket.test_iam_permissions, asked))

    def on_folder(self, name: str, permissions: Iterable[str]) -> frozenset[str] | None:
        """Return the permissions among these that are held below a managed folder; None if it does not exist.

        Parameters
        ----------
        name
            Path in the bucket, with a slash at its end.
        """
        path = f"/b/{self.bucket}/managedFolders/{quote(name, safe='')}/iam/testPermissions"
        asked = {"permissions": sorted(permissions)}
        doing = f"asking what is allowed below gs://{self.bucket}/{name}"
        get = self.client._get_resource  # noqa: SLF001 - it has no public name
        answer: dict[str, Any] | None = call_or_none(doing, get, path, query_params=asked)
        return None if answer is None else frozenset(answer.get("permissions", []))
