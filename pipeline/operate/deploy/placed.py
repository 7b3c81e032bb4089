"""What a deployment sets in its project: rights with addresses, managed folders, and the lifecycle of the bucket.

Lifecycle: https://cloud.google.com/storage/docs/lifecycle. Only objects that can be made again are deleted. Claims,
some hundred bytes each, hold the newest generation of a run date, and models reproduce predictions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.operate.deploy import access, names
from pipeline.operate.deploy.access import FOLDERS, Grant, grants
from pipeline.operate.deploy.deployment import Deployment
from pipeline.runs.layout import Folder

DAYS = {Folder.STAGED: 30, Folder.FAILURES: 30, Folder.SOURCES: 30, Folder.REJECTS: 90, Folder.PREDICTIONS: 365}
"""Days after which objects below a folder of the job are deleted; published predictions stay in their table."""

ENDINGS = {Folder.PREDICTIONS: [".jsonl"]}
"""Endings of the objects that are deleted in these folders. Markers and manifests, some hundred bytes each, stay:
without them a run date would run again, and replace the published rows by what the sources hold by then.
"""

SOFT_DELETE = "7d"
"""How long a deleted object can be restored."""


@dataclass(frozen=True)
class Placed(Grant):
    """A right with its account as IAM writes it, and an address: in SQL, `gs://` for folders, else a name."""

    member: str = ""
    address: str = ""


def placed_grants(deployment: Deployment) -> list[Placed]:
    """Return every right of a deployment; those of dashboards only if the target names a group."""
    known = members(deployment)
    return [
        Placed(**asdict(grant), member=known[grant.account], address=_address(deployment, grant))
        for grant in grants()
        if grant.account in known
    ]


def members(deployment: Deployment) -> dict[str, str]:
    """Return every account as IAM writes it, and the group that reads dashboards if the target names one."""
    accounts = {account: f"serviceAccount:{email}" for account, email in deployment.emails.items()}
    group = deployment.target.service_accounts.get(names.DASHBOARD)
    return accounts | ({names.DASHBOARD: f"group:{group}"} if group else {})


def _address(deployment: Deployment, grant: Grant) -> str:
    target = deployment.target
    if grant.kind == access.FOLDER:
        return folders(deployment)[grant.resource]
    if grant.kind == access.RUN_JOB:
        return deployment.name(grant.resource)
    if grant.kind in (access.DATASET, access.TABLE):
        key, _, table = grant.resource.partition(".")
        name = deployment.job.predictions_table if grant.resource == access.PREDICTIONS else table
        return ".".join(f"`{part}`" for part in (target.project, getattr(target, key), name) if part)
    return target.project if grant.kind == access.PROJECT else f"gs://{target.bucket}"


def folders(deployment: Deployment) -> dict[str, str]:
    """Return the addresses of the managed folders by name."""
    return {name: f"gs://{deployment.target.bucket}/{deployment.folder}/{name}/" for name in FOLDERS}


def iam(deployment: Deployment) -> dict[str, Any]:
    """Return accounts and rights for a reviewer, by account."""
    accounts: dict[str, Any] = {}
    for grant in placed_grants(deployment):
        right = {"role": grant.role, "holds_for": f"{grant.kind} {grant.address.replace('`', '')}", "why": grant.why}
        needed = {"needed": grant.when} if grant.when else {}
        accounts.setdefault(grant.account, {"member": grant.member, "rights": []})["rights"].append(right | needed)
    return accounts


def lifecycle(deployment: Deployment) -> dict[str, Any]:
    """Return this job's lifecycle rules; `merge.py` adds them to the rules of others."""
    rules = []
    for folder, days in DAYS.items():
        condition: dict[str, Any] = {"age": days, "matchesPrefix": [f"{deployment.folder}/{folder}/"]}
        if folder in ENDINGS:
            condition["matchesSuffix"] = ENDINGS[folder]
        rules.append({"action": {"type": "Delete"}, "condition": condition})
    return {"lifecycle": {"rule": rules}}
