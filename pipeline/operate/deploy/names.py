"""Names of what a job has on Google Cloud, each within the limits of its service, and its service accounts."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.base.digests import digest_text

LONGEST_ACCOUNT = 30
"""Characters of a service account's id: https://cloud.google.com/iam/docs/service-accounts-create."""


LONGEST_JOB = 49
"""Characters of a name in Cloud Run that every one of its resources allows: .../run/docs/reference/rest/v2."""


SETUP, WORKFLOW, SCHEDULER = "setup", "workflow", "scheduler"


PHASES = ("preprocess", "train", "predict", "load", "evaluate")
"""In the order in which they run."""


ACCOUNTS = (SETUP, *PHASES, WORKFLOW, SCHEDULER)
"""Who acts: each has a service account of its own, which a target's `service_accounts` may name."""


DASHBOARD = "dashboard"
"""Key of a target's `service_accounts` with the group that reads dashboards."""


def resource_name(job: str, part: str, longest: int = LONGEST_JOB) -> str:
    """Return `<job>-<part>` with dashes; of a job whose name is too long the beginning and a digest."""
    name = job.replace("_", "-")
    if len(name) + 1 + len(part) > longest:
        digest = digest_text(job)[:6]
        name = f"{name[: longest - len(part) - len(digest) - 2].rstrip('-')}-{digest}"
    return f"{name}-{part}"


def account_id(job: str, account: str) -> str:
    """Return the id of a service account that is made for a job."""
    return resource_name(job, account, LONGEST_ACCOUNT)


def account_emails(job: str, project: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the address of every account: as it is given, or of the one that is made."""
    made = {account: f"{account_id(job, account)}@{project}.iam.gserviceaccount.com" for account in ACCOUNTS}
    return made | {account: email for account, email in given.items() if account in ACCOUNTS}
