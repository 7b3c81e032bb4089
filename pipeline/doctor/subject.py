"""What is looked at: a target for some jobs, as one account needs it, in surroundings that may not know everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.deploy.access import Grant, grants_of
from pipeline.deploy.by_hand import OPERATOR, operator_grants
from pipeline.deploy.names import account_emails
from pipeline.doctor.finding import NOTE, Finding
from pipeline.doctor.needs import Need, needs_of
from pipeline.project import Job
from pipeline.session import Session

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
