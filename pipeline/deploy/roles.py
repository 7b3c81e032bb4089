"""Permissions of roles, those that the pipeline could need: the pages that `access.py` names list all of them."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.deploy import access

LOOK = frozenset(
    f"bigquery.{name}" for name in ("datasets.get", "tables.get", "tables.list", "routines.get", "routines.list")
)
READ = LOOK | {"bigquery.tables.getData"}
WRITE = READ | {
    f"bigquery.{name}"
    for name in ("tables.create", "tables.update", "tables.updateData", "tables.delete", "routines.create")
}

PERMISSIONS: Mapping[str, frozenset[str]] = {
    access.JOBS: frozenset({"bigquery.jobs.create"}),
    access.STREAMS: frozenset({"bigquery.readsessions.create", "bigquery.readsessions.getData"}),
    access.NAMES: LOOK,
    access.READS: READ,
    access.WRITES: WRITE,
    access.OWNS: WRITE | {"bigquery.datasets.update"},
    access.SEES_BUCKET: frozenset({"storage.buckets.get"}),
    access.READS_OBJECTS: frozenset({"storage.objects.get", "storage.objects.list"}),
    access.CREATES_OBJECTS: frozenset({"storage.objects.create"}),
}
"""By role."""

WEAKER = {access.OWNS: access.WRITES, access.WRITES: access.READS, access.READS: access.NAMES}
"""The next role with less."""
