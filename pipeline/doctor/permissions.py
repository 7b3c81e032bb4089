"""Permissions: which are missing, place by place, with the command that grants them; and which are too many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.deploy.access import Grant
from pipeline.doctor.account import member_of
from pipeline.doctor.asking import Answer, ask
from pipeline.doctor.finding import ERROR, NOTE, OK, Finding, failed
from pipeline.doctor.fixes import grant_command
from pipeline.doctor.needs import Need
from pipeline.doctor.reservation import look_at_reservation
from pipeline.doctor.subject import Subject
from pipeline.errors import PermissionMissing, PipelineError

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
