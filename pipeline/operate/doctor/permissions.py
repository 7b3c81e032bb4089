"""Checks of permissions: those that an account lacks, with commands that grant them, and those it should not have."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from pipeline.cloud.roles import ROLES
from pipeline.errors import ApiDisabled, PermissionMissing, PipelineError
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import Grant
from pipeline.operate.deploy.placed import Placed
from pipeline.operate.deploy.texts import grant_statement
from pipeline.operate.doctor.google import held_in_project, member_of
from pipeline.operate.doctor.held import Held, held_on
from pipeline.operate.doctor.needs import Account, Need
from pipeline.operate.doctor.result import ERROR, NOTE, NOTED, OK, CheckResult, failed, result_of
from pipeline.project.target import Target

USE = "bigquery.reservations.use"

WRITES = {
    access.DATASET: frozenset({"bigquery.tables.create", "bigquery.tables.updateData"}),
    access.TABLE: frozenset({"bigquery.tables.updateData"}),
    access.FOLDER: frozenset({"storage.objects.create", "storage.objects.delete"}),
}
"""Permissions that an account should not have on a place that does not need them, by kind of place."""


def check_permissions(account: Account) -> list[CheckResult]:
    """Check each place that an account needs, and whether a phase's account has more rights than it needs."""
    results: list[CheckResult] = []
    unneeded: list[str] = []
    for need in account.needs:
        more = WRITES.get(need.kind, frozenset()) - set(need.permissions) if account.phase else frozenset()
        try:
            held = held_on(account, need, {*need.permissions, *more})
        except PipelineError as error:
            results.append(failed(f"rights on {need}", error))
            continue
        results.append(judge(account, need, held))
        unneeded += [f"{permission} on {need}" for permission in sorted(more & held.permissions)]
    reservation = account.session.target.reservation
    if reservation:
        results.append(result_of("reservation", _check_reservation, account, reservation))
    if account.phase:
        results.append(_judge_unneeded(account, unneeded))
    return results


def judge(account: Account, need: Need, held: Held) -> CheckResult:
    """Return an error if a permission is missing that every night needs, else a note or ok."""
    lacking = [name for name in need.permissions if name not in held.permissions]
    missing = [name for name in lacking if name not in held.unknown]
    parts = [*_missing(account, need, missing, held.first), *_unknown(held, lacking)]
    if any(not need.permissions[name].when for name in missing):
        return CheckResult(f"rights on {need}", ERROR, "; ".join(parts), PermissionMissing.exit_code)
    granted = ", ".join(sorted(_short(name) for name in need.permissions if name in held.permissions))
    return CheckResult(f"rights on {need}", NOTE if parts else OK, "; ".join(parts) or granted)


def _missing(account: Account, need: Need, missing: Iterable[str], first: str) -> Iterator[str]:
    """Return a text for each right that would bring missing permissions."""
    by_grant: dict[Grant, list[str]] = {}
    for name in missing:
        by_grant.setdefault(need.permissions[name], []).append(name)
    for grant, names in by_grant.items():
        why = f"{grant.why}, {grant.when}" if grant.when else grant.why
        command = grant_command(account.session.target, need, grant, member_of(account.address))
        fix = f"{first} && {command}" if first else command
        yield f"missing {', '.join(sorted(names))} ({account.role} {why}) - {fix}"


def _unknown(held: Held, lacking: Iterable[str]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for name in lacking:
        if name in held.unknown:
            by_reason.setdefault(held.unknown[name], []).append(name)
    for reason, names in by_reason.items():
        yield f"not known: {', '.join(sorted(map(_short, names)))}: {reason}"


def _short(permission: str) -> str:
    return permission.partition(".")[2]


def _judge_unneeded(account: Account, unneeded: list[str]) -> CheckResult:
    if not unneeded:
        return CheckResult("no more rights", OK, f"{account.role} can write only where it needs to")
    message = f"{account.role} does not need {', '.join(unneeded)}"
    return CheckResult("no more rights", NOTE, f"{message} - remove the role that brings it; inherited ones count")


def grant_command(target: Target, need: Need, grant: Grant, member: str) -> str:
    """Return the command that gives a member a right on a place, as deploy.sh gives it."""
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


def _check_reservation(account: Account, name: str) -> str:
    """Ask the project of the reservation whether the account may use it."""
    project = name.split("/")[1]
    try:
        held = held_in_project(account.session.warehouse.credentials, project, [USE])
    except ApiDisabled as error:  # no phase needs this API
        return f"{NOTED}not known whether {USE} is held on {project}: {error}"
    if held:
        return name
    member = member_of(account.address)
    fix = f"gcloud projects add-iam-policy-binding {project} --member={member} --role={ROLES[USE]} --condition=None"
    message = f"{USE} is not held on project {project}; unless it is held on the reservation itself, no query runs"
    return f"{NOTED}{message} - {fix}"
