"""Permissions that an account needs, place by place, derived from its rights in `pipeline/operate/deploy/access.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.cloud.roles import PERMISSIONS
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import OPERATOR, Grant, grants_of, operator_grants
from pipeline.operate.deploy.names import account_emails
from pipeline.project.project import Job
from pipeline.project.target import Target
from pipeline.runs.session import Session

KINDS = (access.PROJECT, access.DATASET, access.TABLE, access.BUCKET, access.FOLDER)
"""Kinds of places, from the largest to the smallest; no phase has rights on Cloud Run jobs."""

OF_TABLES = frozenset({"bigquery.tables.getData", "bigquery.tables.updateData"})
"""What rights on a single table are needed for: no phase makes or alters such a table."""

HAS_FUNCTIONS = "dataset"
"""Key of the only dataset with functions."""


@dataclass(frozen=True)
class Need:
    """Rights that are needed on one place, one of `KINDS`; a table is `<dataset>.<table>`, a folder is a path."""

    kind: str
    name: str
    grants: tuple[Grant, ...]

    @property
    def permissions(self) -> dict[str, Grant]:
        """Permissions, each with the right that brings it; a right for every night goes before any other."""
        ordered = sorted(self.grants, key=lambda grant: grant.when == "")
        return {permission: grant for grant in ordered for permission in sorted(used_permissions(grant))}

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Account:
    """An account at a target, and what it needs there.

    `phase` is its phase, or `setup`; it is empty for an operator, who runs everything. `address` is that of the account
    that the credentials belong to; it is empty if it is not known.
    """

    session: Session
    jobs: Sequence[Job]
    phase: str
    address: str = ""

    @property
    def role(self) -> str:
        """The phase, `setup` or `operator`."""
        return self.phase or OPERATOR

    @property
    def grants(self) -> list[Grant]:
        """Rights that are needed."""
        return grants_of(self.phase) if self.phase else operator_grants()

    @cached_property
    def needs(self) -> list[Need]:
        """Rights that are needed, place by place."""
        return needs_of(self.grants, self.session.target, self.jobs)

    @property
    def expected(self) -> list[str]:
        """Addresses of the phase's accounts in deployments of the jobs."""
        target = self.session.target
        return [account_emails(job.name, target.project, target.service_accounts)[self.phase] for job in self.jobs]


def needs_of(grants: Iterable[Grant], target: Target, jobs: Sequence[Job]) -> list[Need]:
    """Return rights by place, each place once."""
    places: dict[tuple[int, str], list[Grant]] = {}
    for grant in grants:
        for name in _names(grant, target, jobs) if grant.kind in KINDS else ():
            places.setdefault((KINDS.index(grant.kind), name), []).append(grant)
    return [Need(KINDS[kind], name, tuple(places[kind, name])) for kind, name in sorted(places)]


def used_permissions(grant: Grant) -> frozenset[str]:
    """Return the permissions of a right's role that are used where it holds."""
    permissions = PERMISSIONS.get(grant.role, frozenset())
    if grant.kind == access.TABLE:
        return permissions & OF_TABLES
    if grant.kind == access.DATASET and grant.resource != HAS_FUNCTIONS:
        return frozenset(name for name in permissions if not name.startswith("bigquery.routines."))
    return permissions


def _names(grant: Grant, target: Target, jobs: Sequence[Job]) -> Iterator[str]:
    """Return the names of a right's places: those of each job if they differ."""
    if grant.kind == access.FOLDER:
        yield from ("/".join(filter(None, [target.prefix, job.name, grant.resource, ""])) + "/" for job in jobs)
    elif grant.kind == access.PROJECT:
        yield target.project
    elif grant.kind == access.BUCKET:
        yield target.bucket
    else:
        key, _, table = grant.resource.partition(".")
        tables = {job.predictions_table for job in jobs} if grant.resource == access.PREDICTIONS else {table}
        yield from (".".join(filter(None, [getattr(target, key), name])) for name in tables)
