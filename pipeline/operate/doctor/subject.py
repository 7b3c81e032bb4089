"""What an account needs, place by place: worked out from its rights in `pipeline/operate/deploy/access.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import Grant, grants_of
from pipeline.operate.deploy.names import account_emails
from pipeline.operate.deploy.roles import MORE_PERMISSIONS, OPERATOR, PERMISSIONS, operator_grants
from pipeline.operate.doctor.finding import NOTE, Finding
from pipeline.project.project import Job
from pipeline.project.target import Target
from pipeline.runs.session import Session

KINDS = (access.PROJECT, access.DATASET, access.TABLE, access.BUCKET, access.FOLDER)
"""Of places, from the largest to the smallest; rights on Cloud Run jobs are no phase's."""


OF_TABLES = frozenset({"bigquery.tables.getData", "bigquery.tables.updateData"})
"""What rights on a single table are needed for: no phase makes tables, or changes what they are."""


OF_FUNCTIONS = "bigquery.routines."


HAS_FUNCTIONS = "dataset"
"""Key of the one dataset with functions."""


@dataclass(frozen=True)
class Need:
    """What is needed on one place.

    Parameters
    ----------
    kind
        Of the place: `project`, `dataset`, `table`, `bucket` or `folder`.
    name
        Of the project, dataset or bucket; `<dataset>.<table>`; path of the folder in the bucket.
    grants
        The rights that hold for it.
    """

    kind: str
    name: str
    grants: tuple[Grant, ...]

    @property
    def permissions(self) -> dict[str, Grant]:
        """Permissions, each with the right that brings it; one of every night goes before one that is seldom used."""
        ordered = sorted(self.grants, key=lambda grant: grant.seldom == "")
        return {permission: grant for grant in ordered for permission in sorted(used(grant))}

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def used(grant: Grant) -> frozenset[str]:
    """Return the permissions of a right's role that are used where it holds."""
    found = PERMISSIONS.get(grant.role, frozenset()) | MORE_PERMISSIONS.get(grant.role, frozenset())
    if grant.kind == access.TABLE:
        return found & OF_TABLES
    if grant.kind == access.DATASET and grant.resource != HAS_FUNCTIONS:
        return frozenset(name for name in found if not name.startswith(OF_FUNCTIONS))
    return found


def needs_of(grants: Iterable[Grant], target: Target, jobs: Sequence[Job]) -> list[Need]:
    """Return what rights are needed for, each place once."""
    places: dict[tuple[int, str], list[Grant]] = {}
    for grant in grants:
        for name in _names(grant, target, jobs) if grant.kind in KINDS else ():
            places.setdefault((KINDS.index(grant.kind), name), []).append(grant)
    return [Need(KINDS[kind], name, tuple(held)) for (kind, name), held in sorted(places.items(), key=lambda i: i[0])]


def _names(grant: Grant, target: Target, jobs: Sequence[Job]) -> Iterator[str]:
    """Name the places of a right: those of each job, where they differ."""
    if grant.kind == access.FOLDER:
        yield from ("/".join(filter(None, [target.prefix, job.name, grant.resource, ""])) + "/" for job in jobs)
        return
    if grant.kind in (access.PROJECT, access.BUCKET):
        yield target.project if grant.kind == access.PROJECT else target.bucket
        return
    key, _, table = grant.resource.partition(".")
    tables = {job.predictions_table for job in jobs} if grant.resource == access.PREDICTIONS else {table}
    yield from (".".join(filter(None, [getattr(target, key), name])) for name in tables)


CREDENTIALS, APIS, LOCATIONS = "credentials", "apis", "locations"


BUCKET_SETTINGS, RIGHTS = "bucket settings", "rights"
"""What surroundings may know nothing of."""


@dataclass(frozen=True)
class Surroundings:
    """What is so because of where the target is.

    Parameters
    ----------
    requirements
        File in requirements/ that lists the packages needed there.
    unknown
        What cannot be asked there, and what is so instead.
    made_by
        What makes datasets and bucket that are missing; empty where a person does.
    """

    requirements: str = "runtime.txt"
    unknown: Mapping[str, str] = field(default_factory=dict)
    made_by: str = ""

    def where_known(self, concern: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        """Look at something, or say that nobody here knows it."""
        if concern in self.unknown:
            yield Finding(concern, NOTE, f"not tested here: {self.unknown[concern]}")
        else:
            yield from look()


@dataclass(frozen=True)
class Subject:
    """What is looked at.

    Parameters
    ----------
    phase
        The phase whose account this is, or `setup`; empty for an operator, who runs everything.
    account
        Address of the account that the credentials belong to.
    """

    session: Session
    jobs: Sequence[Job]
    phase: str
    account: str = ""

    @property
    def who(self) -> str:
        """Whose needs these are."""
        return self.phase or OPERATOR

    @property
    def grants(self) -> list[Grant]:
        """Rights that are needed."""
        return grants_of(self.phase) if self.phase else operator_grants()

    @cached_property
    def needs(self) -> list[Need]:
        """What is needed, place by place."""
        return needs_of(self.grants, self.session.target, self.jobs)

    @property
    def expected_accounts(self) -> list[str]:
        """Accounts that the phase has in deployments of the jobs."""
        target = self.session.target
        return [account_emails(job.name, target.project, target.service_accounts)[self.phase] for job in self.jobs]
