"""The script, the grants and the README of a deployment, rendered from the templates of this package."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2

from pipeline.operate.deploy import access, names, placed
from pipeline.operate.deploy.deployment import Deployment
from pipeline.operate.deploy.placed import Placed, placed_grants
from pipeline.operate.deploy.workflow import scheduler_job
from pipeline.project.target import RUN_TABLE_DAYS

SERVICES = [
    f"{name}.googleapis.com"
    for name in ("bigquery", "bigquerystorage", "cloudscheduler", "iam", "run", "storage", "workflows")
] + ["workflowexecutions.googleapis.com"]

AUTHORISING = ("dataset", "ledger_dataset")
"""Datasets that let the views of the dashboard dataset read them."""

DESCRIPTIONS = {
    "dataset": "Sources, predictions and metrics of batch machine-learning jobs",
    "runs_dataset": "Tables of single runs; they expire",
    "ledger_dataset": "What happened in runs; append-only",
    "dashboard_dataset": "Views that dashboards read",
}

KINDS = {"grants_on_datasets.sql": access.DATASET, "grants_on_tables.sql": access.TABLE}
"""Files of grants, and the kind of resource that each grants rights on."""


def script(deployment: Deployment) -> str:
    """Return deploy.sh."""
    rights, scheduled = placed_grants(deployment), scheduler_job(deployment)

    def on(kind: str, resource: str = "") -> list[Placed]:
        return [grant for grant in rights if grant.kind == kind and resource in ("", grant.resource)]

    return _render(
        "deploy.sh",
        deployment,
        authorising=AUTHORISING,
        datasets=_datasets(deployment),
        folder=deployment.folder,
        folders=placed.folders(deployment),
        members=placed.members(deployment),
        labels=deployment.labels,
        made_accounts=deployment.made_accounts,
        on=on,
        parts=names.PARTS,
        scheduler={**scheduled, "id": scheduled["name"].rpartition("/")[2]},
        services=SERVICES,
        setup_job=deployment.name(names.SETUP),
        shared_labels=deployment.shared_labels,
        soft_delete=placed.SOFT_DELETE,
        workflow=deployment.name(names.WORKFLOW),
    )


def _datasets(deployment: Deployment) -> list[dict[str, Any]]:
    labels = [f"--set_label={pair}" for pair in _pairs(deployment.shared_labels, ":")]
    expires = {"runs_dataset": [f"--default_table_expiration={RUN_TABLE_DAYS * 24 * 3600}"]}
    return [
        {"name": getattr(deployment.target, key), "description": text, "flags": labels + expires.get(key, [])}
        for key, text in DESCRIPTIONS.items()
    ]


def grants_sql(deployment: Deployment, kind: str) -> str:
    """Return the statements that grant rights on datasets, or on tables: one statement for each role and address."""
    together: dict[tuple[str, str], list[Placed]] = {}
    for grant in placed_grants(deployment):
        if grant.kind == kind:
            together.setdefault((grant.address, grant.role), []).append(grant)
    return _render("grants.sql", deployment, what=f"{kind}s", grants=[together[key] for key in sorted(together)])


def grant_statement(grant: Placed) -> str:
    """Return the statement that grants one right on a dataset or a table."""
    return _environment().get_template("grant.sql").render(grant=grant)


def readme(deployment: Deployment) -> str:
    """Return README.md, which lists the files of the folder."""
    return _render(
        "README.md",
        deployment,
        dashboard=names.DASHBOARD in deployment.target.service_accounts,
        scheduler={"id": deployment.name("nightly")},
        target_file=deployment.target_file,
        workflow=deployment.name(names.WORKFLOW),
    )


def authorised_views(deployment: Deployment) -> dict[str, Any]:
    """Return the entry that lets the views of the dashboard dataset read another dataset.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#DatasetAccessEntry
    """
    target = deployment.target
    reference = {"projectId": target.project, "datasetId": target.dashboard_dataset}
    return {"access": [{"dataset": {"dataset": reference, "targetTypes": ["VIEWS"]}}]}


def _render(template: str, deployment: Deployment, **values: Any) -> str:
    shared = {"job": deployment.job.name, "target": deployment.target, "origin": deployment.origin}
    return _environment().get_template(template).render(**shared, **values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.operate.deploy"),
        autoescape=False,  # noqa: S701 - shell, SQL and Markdown; `q` quotes for the shell
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"q": shlex.quote, "pairs": _pairs}
    return environment


def _pairs(labels: Mapping[str, str], separator: str) -> list[str]:
    return [f"{name}{separator}{value}" for name, value in labels.items()]
