"""Who may do what: the rights of every account, derived from what its phase touches, and why it has them.

`tests/operate/deploy/test_access.py` runs every phase and compares its calls with this list, in both directions. Roles:
https://cloud.google.com/iam/docs/roles-permissions, .../bigquery/docs/access-control and
.../storage/docs/access-control/iam-roles.

Rights in the bucket are those of managed folders (.../storage/docs/managed-folders): they hold for a prefix, for
listing it, too, which a condition on `resource.name` cannot give. Who creates objects may not replace or delete any: a
claim, marker or model that stands is what was committed. Who writes a table may also remove rows of it: no role only
appends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.operate.deploy.names import DASHBOARD, PHASES, SCHEDULER, SETUP, WORKFLOW

PROJECT, DATASET, TABLE, BUCKET, FOLDER, RUN_JOB = "project", "dataset", "table", "bucket", "folder", "job"


FOLDERS = ("attempts", "failures", "models", "predictions", "rejects")
"""Folders of a job that phases use."""


PREDICTIONS = "dataset.predictions"
"""The table of published predictions, whose name holds job and version."""


JOBS = "roles/bigquery.jobUser"


STREAMS = "roles/bigquery.readSessionUser"


NAMES = "roles/bigquery.metadataViewer"


READS = "roles/bigquery.dataViewer"


WRITES = "roles/bigquery.dataEditor"


OWNS = "roles/bigquery.dataOwner"


SEES_BUCKET = "roles/storage.bucketViewer"


READS_OBJECTS = "roles/storage.objectViewer"


CREATES_OBJECTS = "roles/storage.objectCreator"


OVERRIDES = "roles/run.jobsExecutorWithOverrides"


SEES_RUNS = "roles/run.viewer"


STARTS_WORKFLOWS = "roles/workflows.invoker"


@dataclass(frozen=True)
class Grant:
    """One right.

    Parameters
    ----------
    account
        Who has it.
    kind
        What it holds for: `project`, `dataset`, `table`, `bucket`, `folder` (of the job, in the bucket) or `job` (of
        Cloud Run).
    resource
        Which: key of the target file for a dataset, `<key>.<table>`, folder or phase; empty for project and bucket.
    why
        What it is needed for.
    seldom
        When, where an ordinary night does without it.
    """

    account: str
    kind: str
    resource: str
    role: str
    why: str
    seldom: str = ""


def grants() -> list[Grant]:
    """Return every right, by account."""
    phases = zip(PHASES, (_preprocess(), _train(), _predict(), _load(), _evaluate()), strict=True)
    return [
        *_setup(),
        *(grant for phase, own in phases for grant in (*own, *_failures(phase))),
        *_workflow(),
        Grant(
            SCHEDULER, PROJECT, "", STARTS_WORKFLOWS, "starts the workflow; Workflows has no rights for a single one"
        ),
        Grant(DASHBOARD, PROJECT, "", JOBS, "runs queries"),
        Grant(DASHBOARD, DATASET, "dashboard_dataset", READS, "reads the views, which are authorised on the tables"),
    ]


def grants_of(account: str) -> list[Grant]:
    """Return the rights of an account."""
    return [grant for grant in grants() if grant.account == account]


def _tables(account: str, role: str, reasons: dict[str, str]) -> list[Grant]:
    return [Grant(account, TABLE, table, role, why) for table, why in reasons.items()]


def _setup() -> list[Grant]:
    views = "makes tables, functions and views; a view of an authorised dataset needs the right to share what it reads"
    return [
        Grant(SETUP, PROJECT, "", JOBS, "runs statements that make tables"),
        Grant(SETUP, DATASET, "dataset", OWNS, views),
        Grant(SETUP, DATASET, "ledger_dataset", OWNS, views),
        Grant(SETUP, DATASET, "dashboard_dataset", WRITES, "makes the views of dashboards"),
    ]


def _preprocess() -> list[Grant]:
    account, claims = PHASES[0], "claims the run, and counts its examples"
    return [
        Grant(account, PROJECT, "", JOBS, "runs queries"),
        Grant(account, DATASET, "dataset", READS, "reads sources and functions"),
        Grant(account, DATASET, "runs_dataset", WRITES, "makes the examples"),
        *_ledger(account),
        Grant(account, FOLDER, "attempts", READS_OBJECTS, claims),
        Grant(account, FOLDER, "attempts", CREATES_OBJECTS, claims),
        Grant(
            account,
            FOLDER,
            "predictions",
            READS_OBJECTS,
            "gives a run up only where nothing has predicted",
            "when the sources lack the data",
        ),
    ]


def _train() -> list[Grant]:
    account, maps = PHASES[1], "for models with id<->index tables"
    return [
        Grant(account, PROJECT, "", JOBS, "runs queries"),
        Grant(account, PROJECT, "", STREAMS, "reads training rows as streams"),
        Grant(account, DATASET, "dataset", NAMES, "looks which tables and functions there are"),
        Grant(account, TABLE, PREDICTIONS, READS, "looks if it is superseded", "after a newer generation"),
        Grant(account, DATASET, "runs_dataset", READS, "reads examples"),
        Grant(account, DATASET, "runs_dataset", WRITES, "loads id<->index tables", maps),
        Grant(account, TABLE, "dataset.id_maps_v1", WRITES, "publishes id<->index tables", maps),
        *_ledger(account),
        *_tables(account, WRITES, {"ledger_dataset.models_v1": "records models"}),
        Grant(account, FOLDER, "attempts", READS_OBJECTS, "joins the run"),
        *_folder(account, "models", "commits models"),
        Grant(account, BUCKET, "", SEES_BUCKET, "load jobs look at the bucket", maps),
    ]


def _predict() -> list[Grant]:
    account, rejected = PHASES[2], "when rows do not fit"
    return [
        Grant(account, PROJECT, "", JOBS, "runs queries"),
        Grant(account, PROJECT, "", STREAMS, "reads the rows of a shard as a stream"),
        Grant(account, DATASET, "dataset", NAMES, "looks which tables and functions there are"),
        Grant(account, TABLE, PREDICTIONS, READS, "looks if it is superseded", "after a newer generation"),
        Grant(account, DATASET, "runs_dataset", READS, "reads examples"),
        Grant(account, DATASET, "ledger_dataset", READS, "compares bundles with the ledger"),
        Grant(account, FOLDER, "attempts", READS_OBJECTS, "joins the run"),
        Grant(account, FOLDER, "models", READS_OBJECTS, "loads models"),
        *_folder(account, "predictions", "commits shards and manifests"),
        *_folder(account, "rejects", "describes rows that do not fit", rejected),
    ]


def _load() -> list[Grant]:
    account = PHASES[3]
    return [
        Grant(account, PROJECT, "", JOBS, "runs queries and load jobs"),
        Grant(account, DATASET, "dataset", NAMES, "looks which tables and functions there are"),
        Grant(account, DATASET, "runs_dataset", WRITES, "loads predictions into run tables"),
        *_tables(
            account, WRITES, {PREDICTIONS: "publishes predictions", "dataset.verdicts_v1": "says who is first champion"}
        ),
        *_ledger(account),
        *_tables(account, WRITES, {"ledger_dataset.champions_v1": "names the first champion"}),
        Grant(account, FOLDER, "attempts", READS_OBJECTS, "joins the run"),
        Grant(account, FOLDER, "predictions", READS_OBJECTS, "reads manifests; load jobs read files"),
        Grant(account, BUCKET, "", SEES_BUCKET, "load jobs look at the bucket"),
    ]


def _evaluate() -> list[Grant]:
    account = PHASES[4]
    results = ("metrics_v1", "comparisons_v1", "drift_v1", "verdicts_v1")
    return [
        Grant(account, PROJECT, "", JOBS, "runs queries"),
        Grant(account, DATASET, "dataset", READS, "reads sources of labels, predictions and metrics"),
        *_tables(account, WRITES, {f"dataset.{name}": "records what it finds" for name in results}),
        Grant(account, DATASET, "runs_dataset", WRITES, "makes tables of labels"),
        Grant(account, DATASET, "dashboard_dataset", NAMES, "looks which views there are"),
        *_ledger(account),
        Grant(account, TABLE, "ledger_dataset.champions_v1", WRITES, "promotes a challenger", "when the gate promotes"),
        Grant(account, FOLDER, "attempts", READS_OBJECTS, "knows a run by its claim"),
        Grant(account, FOLDER, "models", READS_OBJECTS, "compares scores with those of the training rows"),
    ]


def _workflow() -> list[Grant]:
    starts = "starts the phase, for a run date with other arguments; nobody else may override arguments"
    return [
        grant
        for phase in PHASES
        for grant in (
            Grant(WORKFLOW, RUN_JOB, phase, OVERRIDES, starts),
            Grant(WORKFLOW, RUN_JOB, phase, SEES_RUNS, "waits for its end"),
        )
    ]


def _failures(account: str) -> list[Grant]:
    """Return the rights of a phase that remembers, for its own next attempt, what failed for good."""
    return [
        Grant(
            account, FOLDER, "failures", READS_OBJECTS, "does not repeat what failed for good", "when it is repeated"
        ),
        Grant(account, FOLDER, "failures", CREATES_OBJECTS, "says what failed for good", "when it failed"),
    ]


def _ledger(account: str) -> list[Grant]:
    """Return the rights of a phase that reads the ledger, and appends events to it."""
    return [
        Grant(account, DATASET, "ledger_dataset", READS, "reads what happened"),
        Grant(account, TABLE, "ledger_dataset.events_v1", WRITES, "appends events"),
    ]


def _folder(account: str, folder: str, why: str, seldom: str = "") -> list[Grant]:
    """Return the rights of a phase that creates objects and reads them back."""
    return [Grant(account, FOLDER, folder, role, why, seldom) for role in (READS_OBJECTS, CREATES_OBJECTS)]


def described(grant: Grant) -> str:
    """Return in words what a right holds for."""
    if grant.kind in (PROJECT, BUCKET):
        return grant.kind
    if grant.kind == TABLE:
        key, _, table = grant.resource.partition(".")
        name = "<job>__predictions_v<N>" if table == "predictions" else table
        return f"table `{name}` of `{key}`"
    if grant.kind == FOLDER:
        return f"folder `<prefix>/<job>/{grant.resource}/`"
    return f"`{grant.resource}`" if grant.kind == DATASET else f"Cloud Run job `<job>-{grant.resource}`"


def roles_table(rows: Sequence[Grant]) -> str:
    """Return the rights as a table in Markdown."""
    lines = ["| account | role | on | why |", "| --- | --- | --- | --- |"]
    for grant in rows:
        why = f"{grant.why} ({grant.seldom})" if grant.seldom else grant.why
        lines.append(f"| {grant.account} | `{grant.role}` | {described(grant)} | {why} |")
    return "\n".join(lines) + "\n"
