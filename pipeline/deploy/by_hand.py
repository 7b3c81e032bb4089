"""Rights of who runs everything by hand: those of the setup and all phases, and what only people do."""

from __future__ import annotations

from dataclasses import replace

from pipeline.deploy.access import (
    CREATES_OBJECTS,
    FOLDER,
    FOLDERS,
    PROJECT,
    READS_OBJECTS,
    Grant,
    grants_of,
)
from pipeline.deploy.names import PHASES, SETUP

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
