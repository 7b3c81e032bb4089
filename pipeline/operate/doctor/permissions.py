"""Commands that give an account a right: as deploy.sh gives it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from pipeline.cloud.permissions import ROLES
from pipeline.errors import ApiDisabled, PermissionMissing, PipelineError
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import Grant
from pipeline.operate.deploy.placed import Placed
from pipeline.operate.deploy.texts import grant_statement
from pipeline.operate.doctor.asking import Answer, ask
from pipeline.operate.doctor.finding import ERROR, NOTE, NOTED, OK, Finding, failed, found
from pipeline.operate.doctor.google import allowed_in_project, member_of
from pipeline.operate.doctor.subject import Need, Subject
from pipeline.project.target import Target


def grant_command(target: Target, need: Need, grant: Grant, member: str) -> str:
    """Return the command that gives a member a right on a place."""
    binding = f"add-iam-policy-binding {{}} --member={member} --role={grant.role}"
    if need.kind == access.PROJECT:
        return f"gcloud projects {binding.format(target.project)} --condition=None"
    if need.kind == access.BUCKET:
        return f"gcloud storage buckets {binding.format(f'gs://{need.name}')}"
    if need.kind == access.FOLDER:
        return f"gcloud storage managed-folders {binding.format(f'gs://{target.bucket}/{need.name}')}"
    address = ".".join(f"`{part}`" for part in (target.project, *need.name.split(".")))
    placed = Placed(**asdict(grant), member=member, address=address)
    return f"bq query --use_legacy_sql=false {shlex.quote(' '.join(grant_statement(placed).split()))}"


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


WRITES = {
    "dataset": frozenset({"bigquery.tables.create", "bigquery.tables.updateData"}),
    "table": frozenset({"bigquery.tables.updateData"}),
    "folder": frozenset({"storage.objects.create", "storage.objects.delete"}),
}
"""Permissions that an account had better not have where it needs none, by kind of place."""


def look_at_permissions(subject: Subject) -> Iterator[Finding]:
    """Ask about each place that an account needs, and about more than it needs where the account is a phase's."""
    beyond: list[str] = []
    for need in subject.needs:
        more = WRITES.get(need.kind, frozenset()) - set(need.permissions) if subject.phase else frozenset()
        try:
            answer = ask(subject, need, {*need.permissions, *more})
        except PipelineError as error:
            yield failed(f"rights on {need}", error)
            continue
        yield judge(subject, need, answer)
        beyond += [f"{permission} on {need}" for permission in sorted(more & answer.held)]
    yield from look_at_reservation(subject)
    if subject.phase:
        yield _judge_beyond(subject, beyond)


def judge(subject: Subject, need: Need, answer: Answer) -> Finding:
    """Say what an answer means: an error, where something is missing that every night needs."""
    lacking = [name for name in need.permissions if name not in answer.held]
    missing = [name for name in lacking if name not in answer.unknown]
    said = [*_missing(subject, need, missing, answer.first), *_unknown(answer, lacking)]
    if any(not need.permissions[name].seldom for name in missing):
        return Finding(f"rights on {need}", ERROR, "; ".join(said), PermissionMissing.exit_code)
    held = ", ".join(sorted(_short(name) for name in need.permissions if name in answer.held))
    return Finding(f"rights on {need}", NOTE if said else OK, "; ".join(said) or held)


def _missing(subject: Subject, need: Need, missing: Iterable[str], first: str) -> Iterator[str]:
    """Say what is missing, by the right that would bring it."""
    by_grant: dict[Grant, list[str]] = {}
    for name in missing:
        by_grant.setdefault(need.permissions[name], []).append(name)
    for grant, names in by_grant.items():
        why = f"{grant.why}, {grant.seldom}" if grant.seldom else grant.why
        member = member_of(subject.account) if subject.account else "ACCOUNT"
        fix = " && ".join(filter(None, [first, grant_command(subject.session.target, need, grant, member)]))
        yield f"missing {', '.join(sorted(names))} ({subject.who} {why}) - {fix}"


def _unknown(answer: Answer, lacking: Iterable[str]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for name in lacking:
        if name in answer.unknown:
            by_reason.setdefault(answer.unknown[name], []).append(name)
    for why, names in by_reason.items():
        yield f"not known: {', '.join(sorted(map(_short, names)))}: {why}"


def _short(permission: str) -> str:
    return permission.partition(".")[2]


def _judge_beyond(subject: Subject, beyond: list[str]) -> Finding:
    if not beyond:
        return Finding("no more rights", OK, f"{subject.who} writes nowhere but where it has to")
    what = f"{subject.who} needs no {', no '.join(beyond)}"
    return Finding("no more rights", NOTE, f"{what} - take the role away that brings it; inherited ones count")
