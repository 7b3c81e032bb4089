"""Commands that give an account a right: as deploy.sh gives it."""

from __future__ import annotations

import shlex
from dataclasses import asdict

from pipeline.deploy import access
from pipeline.deploy.access import Grant
from pipeline.deploy.placed import Placed
from pipeline.deploy.texts import grant_statement
from pipeline.doctor.needs import Need
from pipeline.target import Target


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
