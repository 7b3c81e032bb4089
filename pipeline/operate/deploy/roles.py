"""Permissions of roles, those that the pipeline could need: the pages that `access.py` names list all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import CREATES_OBJECTS, FOLDER, FOLDERS, PROJECT, READS_OBJECTS, Grant, grants_of
from pipeline.operate.deploy.names import PHASES, SETUP

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


OPERATOR = "operator"
"""Who runs everything by hand; nobody is made for it."""


LISTS_JOBS = "roles/bigquery.resourceViewer"


DELETES_OBJECTS = "roles/storage.objectUser"


MORE_PERMISSIONS = {
    LISTS_JOBS: frozenset({"bigquery.jobs.listAll"}),
    DELETES_OBJECTS: frozenset({"storage.objects.delete"}),
}
"""Permissions of the roles that no account of a deployment has."""


def operator_grants() -> list[Grant]:
    """Return every right that an operator could need."""
    phases = [grant for account in (SETUP, *PHASES) for grant in grants_of(account)]
    sources = [
        Grant(OPERATOR, FOLDER, "sources", role, "sends the files of sources", "for `pipeline sources load`")
        for role in (READS_OBJECTS, CREATES_OBJECTS)
    ]
    removes = [
        Grant(OPERATOR, FOLDER, folder, DELETES_OBJECTS, "removes uploads", "for `pipeline gc`") for folder in FOLDERS
    ]
    jobs = Grant(OPERATOR, PROJECT, "", LISTS_JOBS, "sees which job failed", "for `pipeline status` and `trace`")
    return [*(replace(grant, account=OPERATOR) for grant in phases), *sources, *removes, jobs]
