"""The bucket: what is deleted when, and the folders that rights hold for.

Lifecycle: https://cloud.google.com/storage/docs/lifecycle. Only what can be made again is deleted: claims, hundreds of
bytes each below `attempts/`, say which generation of a run date is the newest, and models reproduce what was predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.operate.deploy import access, names
from pipeline.operate.deploy.access import FOLDERS, Grant, grants
from pipeline.operate.deploy.deployment import Deployment

DAYS = {"attempts/staged": 30, "failures": 30, "sources": 30, "rejects": 90, "predictions": 365}
"""Days after which objects below a folder of the job are deleted; published predictions stay in their table."""


ENDINGS = {"predictions": [".jsonl"]}
"""Of these folders only what ends so: markers and manifests, some hundred bytes each, say that a run date is done. One
that is not is done again, and what had been published replaced by what the sources say by then.
"""


SOFT_DELETE = "7d"
"""For how long a deleted object can be restored."""


def lifecycle(deployment: Deployment) -> dict[str, Any]:
    """Return the rules of this job: `merge.py` puts them beside those of others."""
    rules = [{"action": {"type": "Delete"}, "condition": _condition(deployment, folder)} for folder in DAYS]
    return {"lifecycle": {"rule": rules}}


def _condition(deployment: Deployment, folder: str) -> dict[str, Any]:
    endings = {"matchesSuffix": ENDINGS[folder]} if folder in ENDINGS else {}
    return {"age": DAYS[folder], "matchesPrefix": [f"{deployment.folder}/{folder}/"], **endings}


def folders(deployment: Deployment) -> dict[str, str]:
    """Return the addresses of the managed folders by kind."""
    return {kind: f"gs://{deployment.target.bucket}/{deployment.folder}/{kind}/" for kind in FOLDERS}


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
        return folders(deployment)[grant.resource]
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
