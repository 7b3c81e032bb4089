"""Rights as a deployment grants them: with the account's address, and the place's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.deploy import access, bucket, names
from pipeline.deploy.access import Grant, grants
from pipeline.deploy.deployment import Deployment


@dataclass(frozen=True)
class Placed(Grant):
    """A right with addresses.

    Parameters
    ----------
    member
        Who has it, as IAM writes it.
    address
        What it holds for: in SQL for datasets and tables, `gs://` for folders, else a name.
    """

    member: str = ""
    address: str = ""


def placed_grants(deployment: Deployment) -> list[Placed]:
    """Return every right of a deployment; those of dashboards only where a group is named."""
    known = members(deployment)
    return [
        Placed(**asdict(grant), member=known[grant.account], address=_address(deployment, grant))
        for grant in grants()
        if grant.account in known
    ]


def members(deployment: Deployment) -> dict[str, str]:
    """Return every account as IAM writes it, and the group that reads dashboards where one is named."""
    found = {account: f"serviceAccount:{email}" for account, email in deployment.emails.items()}
    group = deployment.target.service_accounts.get(names.DASHBOARD)
    return found | ({names.DASHBOARD: f"group:{group}"} if group else {})


def _address(deployment: Deployment, grant: Grant) -> str:
    target = deployment.target
    if grant.kind == access.FOLDER:
        return bucket.folders(deployment)[grant.resource]
    if grant.kind == access.RUN_JOB:
        return deployment.name(grant.resource)
    if grant.kind in (access.DATASET, access.TABLE):
        key, _, table = grant.resource.partition(".")
        name = deployment.job.predictions_table if grant.resource == access.PREDICTIONS else table
        return ".".join(f"`{part}`" for part in (target.project, getattr(target, key), name) if part)
    return target.project if grant.kind == access.PROJECT else f"gs://{target.bucket}"


def of_kind(placed: Sequence[Placed], *kinds: str) -> list[Placed]:
    """Return the rights that hold for one kind of thing."""
    return [grant for grant in placed if grant.kind in kinds]


def iam(deployment: Deployment) -> dict[str, Any]:
    """Return accounts and rights for a reviewer, by account."""
    found: dict[str, Any] = {}
    for grant in placed_grants(deployment):
        place = f"{grant.kind} {grant.address.replace('`', '')}"
        seldom = {"needed": grant.seldom} if grant.seldom else {}
        right = {"role": grant.role, "holds_for": place, "why": grant.why, **seldom}
        found.setdefault(grant.account, {"member": grant.member, "rights": []})["rights"].append(right)
    return found
