"""The reservation that queries run in: whether the account may use it, which no role of a deployment brings."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.doctor.account import member_of
from pipeline.doctor.finding import NOTED, Finding, found
from pipeline.doctor.project_rights import allowed_in_project
from pipeline.doctor.subject import Subject
from pipeline.errors import ApiDisabled
from pipeline.permissions import ROLES

USE = "bigquery.reservations.use"


def look_at_reservation(subject: Subject) -> Iterator[Finding]:
    """Ask the project that the reservation is in, where the target names one."""
    name = subject.session.target.reservation
    if name:
        yield found("reservation", _usable, subject, name)


def _usable(subject: Subject, name: str) -> str:
    project, credentials = name.split("/")[1], subject.session.warehouse.credentials
    try:
        held = allowed_in_project(credentials, project, [USE])
    except ApiDisabled as error:  # no phase needs it
        return f"{NOTED}not known if {USE} is held on {project}: {error}"
    if held:
        return name
    member = member_of(subject.account) if subject.account else "ACCOUNT"
    fix = f"gcloud projects add-iam-policy-binding {project} --member={member} --role={ROLES[USE]} --condition=None"
    return (
        f"{NOTED}{USE} is not held on project {project}; unless it is on the reservation itself, no query runs - {fix}"
    )
