"""Roles of Google Cloud, and the permissions of each that the pipeline could need.

Google's pages list every permission of a role: https://cloud.google.com/iam/docs/roles-permissions,
.../bigquery/docs/access-control and .../storage/docs/access-control/iam-roles.
"""

from __future__ import annotations

JOB_USER = "roles/bigquery.jobUser"
READ_SESSION_USER = "roles/bigquery.readSessionUser"
RESOURCE_VIEWER = "roles/bigquery.resourceViewer"
METADATA_VIEWER = "roles/bigquery.metadataViewer"
DATA_VIEWER = "roles/bigquery.dataViewer"
DATA_EDITOR = "roles/bigquery.dataEditor"
DATA_OWNER = "roles/bigquery.dataOwner"
BUCKET_VIEWER = "roles/storage.bucketViewer"
OBJECT_VIEWER = "roles/storage.objectViewer"
OBJECT_CREATOR = "roles/storage.objectCreator"
OBJECT_USER = "roles/storage.objectUser"
RUN_EXECUTOR = "roles/run.jobsExecutorWithOverrides"
RUN_VIEWER = "roles/run.viewer"
WORKFLOW_INVOKER = "roles/workflows.invoker"

_METADATA = frozenset(
    f"bigquery.{name}" for name in ("datasets.get", "tables.get", "tables.list", "routines.get", "routines.list")
)
_READ = _METADATA | {"bigquery.tables.getData"}
_WRITE = _READ | {
    f"bigquery.{name}"
    for name in ("tables.create", "tables.update", "tables.updateData", "tables.delete", "routines.create")
}

PERMISSIONS: dict[str, frozenset[str]] = {
    JOB_USER: frozenset({"bigquery.jobs.create"}),
    READ_SESSION_USER: frozenset({"bigquery.readsessions.create", "bigquery.readsessions.getData"}),
    DATA_VIEWER: _READ,
    DATA_EDITOR: _WRITE,
    DATA_OWNER: _WRITE | {"bigquery.datasets.update"},
    METADATA_VIEWER: _METADATA,
    RESOURCE_VIEWER: frozenset({"bigquery.jobs.listAll"}),
    BUCKET_VIEWER: frozenset({"storage.buckets.get"}),
    OBJECT_VIEWER: frozenset({"storage.objects.get", "storage.objects.list"}),
    OBJECT_CREATOR: frozenset({"storage.objects.create"}),
    OBJECT_USER: frozenset({"storage.objects.delete"}),
}
"""Permissions by role. `ROLES` takes the first role that holds a permission."""

ROLES = {permission: role for role, held in reversed(PERMISSIONS.items()) for permission in sorted(held)} | {
    "bigquery.jobs.get": JOB_USER,
    "bigquery.jobs.list": RESOURCE_VIEWER,
    "bigquery.reservations.use": "roles/bigquery.resourceEditor",
    "bigquery.datasets.create": "roles/bigquery.user",
    "storage.buckets.create": "roles/storage.admin",
}
"""The role to grant for a permission; the last five are of calls that no account of a deployment makes."""
