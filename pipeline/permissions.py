"""Which role grants a permission that Google's services found missing."""

from __future__ import annotations

import re

PERMISSION = re.compile(r"\b(?:bigquery|storage)\.[a-z]+\.[a-zA-Z]+\b")

ROLES = {
    "bigquery.jobs.create": "roles/bigquery.jobUser",
    "bigquery.jobs.get": "roles/bigquery.jobUser",
    "bigquery.jobs.list": "roles/bigquery.resourceViewer",
    "bigquery.jobs.listAll": "roles/bigquery.resourceViewer",
    "bigquery.reservations.use": "roles/bigquery.resourceEditor",
    "bigquery.readsessions.create": "roles/bigquery.readSessionUser",
    "bigquery.readsessions.getData": "roles/bigquery.readSessionUser",
    "bigquery.tables.get": "roles/bigquery.dataViewer",
    "bigquery.tables.getData": "roles/bigquery.dataViewer",
    "bigquery.tables.list": "roles/bigquery.dataViewer",
    "bigquery.tables.create": "roles/bigquery.dataEditor",
    "bigquery.tables.update": "roles/bigquery.dataEditor",
    "bigquery.tables.updateData": "roles/bigquery.dataEditor",
    "bigquery.tables.delete": "roles/bigquery.dataEditor",
    "bigquery.routines.create": "roles/bigquery.dataEditor",
    "bigquery.routines.list": "roles/bigquery.dataViewer",
    "bigquery.datasets.get": "roles/bigquery.dataViewer",
    "bigquery.datasets.create": "roles/bigquery.user",
    "storage.buckets.create": "roles/storage.admin",
    "storage.buckets.get": "roles/storage.legacyBucketReader",
    "storage.objects.create": "roles/storage.objectCreator",
    "storage.objects.delete": "roles/storage.objectUser",
    "storage.objects.get": "roles/storage.objectViewer",
    "storage.objects.list": "roles/storage.objectViewer",
}


def hint_for(message: str) -> str:
    """Return what to do about a refusal: which role to grant for which permission."""
    match = PERMISSION.search(message)
    if match is None:
        return "grant the caller the role that holds the permission"
    permission = match.group()
    role = ROLES.get(permission, "the role that holds it")
    return f"grant {role} for {permission}"
