"""Names of a job's resources on Google Cloud, within the limits of each service, and of its service accounts."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.base.digests import digest_text
from pipeline.project.resources import PHASES

LONGEST_ACCOUNT = 30
"""Most characters in the id of a service account: https://cloud.google.com/iam/docs/service-accounts-create."""

LONGEST_JOB = 49
"""Most characters of a name that every resource of Cloud Run allows: .../run/docs/reference/rest/v2."""

SETUP, WORKFLOW, SCHEDULER = "setup", "workflow", "scheduler"

PARTS = (SETUP, *PHASES)
"""Parts of a deployment that have a Cloud Run job."""

ACCOUNTS = (*PARTS, WORKFLOW, SCHEDULER)
"""Accounts of a deployment; a target's `service_accounts` may name one for each."""

DASHBOARD = "dashboard"
"""Key of a target's `service_accounts` with the group that reads dashboards."""


def resource_name(job: str, part: str, longest: int = LONGEST_JOB) -> str:
    """Return `<job>-<part>` with dashes; if the job's name is too long, its beginning and a digest."""
    name = job.replace("_", "-")
    if len(name) + 1 + len(part) > longest:
        digest = digest_text(job)[:6]
        name = f"{name[: longest - len(part) - len(digest) - 2].rstrip('-')}-{digest}"
    return f"{name}-{part}"


def account_id(job: str, account: str) -> str:
    """Return the id of a service account that is made for a job."""
    return resource_name(job, account, LONGEST_ACCOUNT)


def account_emails(job: str, project: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the address of every service account: the given one, else that of the account that is made."""
    emails = {account: f"{account_id(job, account)}@{project}.iam.gserviceaccount.com" for account in ACCOUNTS}
    return emails | {account: email for account, email in given.items() if account in ACCOUNTS}
