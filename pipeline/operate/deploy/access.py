"""The rights of every account of a deployment, derived from what its phase touches, each with its reason.

`tests/operate/deploy/test_access.py` runs every phase and compares its calls with this list, in both directions. Roles
and their permissions: `pipeline/cloud/roles.py`.

Rights in the bucket are those of managed folders (https://cloud.google.com/storage/docs/managed-folders). They hold for
a prefix and for listing it, which a condition on `resource.name` cannot give. An account that creates objects may not
replace or delete any: a claim, marker or model that exists is what was committed. An account that writes a table may
also remove rows of it: no role only appends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.cloud import roles
from pipeline.operate.deploy.names import DASHBOARD, SCHEDULER, SETUP, WORKFLOW
from pipeline.project.resources import PHASES
from pipeline.runs.layout import Folder

PROJECT, DATASET, TABLE, BUCKET, FOLDER, RUN_JOB = "project", "dataset", "table", "bucket", "folder", "job"

FOLDERS = (Folder.ATTEMPTS, Folder.FAILURES, Folder.MODELS, Folder.PREDICTIONS, Folder.REJECTS)
"""Folders of a job that phases use."""

PREDICTIONS = "dataset.predictions"
"""The table of published predictions, whose name holds job and version."""

OPERATOR = "operator"
"""A person who runs everything by hand; a deployment makes no account for it."""


@dataclass(frozen=True)
class Grant:
    """One right of one account.

    Parameters
    ----------
    account
        The account that has it.
    kind
        What it holds for: `project`, `dataset`, `table`, `bucket`, `folder` (of the job, in the bucket) or `job` (of
        Cloud Run).
    resource
        Which one: the key of the target file for a dataset, `<key>.<table>`, a folder or a phase; empty for project
        and bucket.
    why
        What it is needed for.
    when
        When it is needed, if not in every ordinary night.
    """

    account: str
    kind: str
    resource: str
    role: str
    why: str
    when: str = ""


_Rights = Sequence[tuple[str, ...]]  # kind, resource, role, why, when

_QUERIES = (PROJECT, "", roles.JOB_USER, "runs queries")
_CATALOGUE = (DATASET, "dataset", roles.METADATA_VIEWER, "lists tables and functions")
_CLAIM = (FOLDER, Folder.ATTEMPTS, roles.OBJECT_VIEWER, "joins the run")
_GENERATION = (TABLE, PREDICTIONS, roles.DATA_VIEWER, "checks if the run is superseded", "after a newer generation")
_LEDGER = (
    (DATASET, "ledger_dataset", roles.DATA_VIEWER, "reads what happened"),
    (TABLE, "ledger_dataset.events_v1", roles.DATA_EDITOR, "appends events"),
)
_FAILURES = (
    (FOLDER, Folder.FAILURES, roles.OBJECT_VIEWER, "does not repeat a permanent failure", "when it is repeated"),
    (FOLDER, Folder.FAILURES, roles.OBJECT_CREATOR, "records a permanent failure", "when it failed"),
)
_VIEWS = "makes tables, functions and views; a view of an authorised dataset needs the right to share what it reads"
_MAPS = "for models with id<->index tables"

_SETUP: _Rights = (
    (PROJECT, "", roles.JOB_USER, "runs statements that make tables"),
    (DATASET, "dataset", roles.DATA_OWNER, _VIEWS),
    (DATASET, "ledger_dataset", roles.DATA_OWNER, _VIEWS),
    (DATASET, "dashboard_dataset", roles.DATA_EDITOR, "makes the views of dashboards"),
)
_PREPROCESS: _Rights = (
    _QUERIES,
    (DATASET, "dataset", roles.DATA_VIEWER, "reads sources and functions"),
    (DATASET, "runs_dataset", roles.DATA_EDITOR, "makes the examples"),
    *_LEDGER,
    (FOLDER, Folder.ATTEMPTS, roles.OBJECT_VIEWER, "claims the run and counts its examples"),
    (FOLDER, Folder.ATTEMPTS, roles.OBJECT_CREATOR, "claims the run and counts its examples"),
    (
        FOLDER,
        Folder.PREDICTIONS,
        roles.OBJECT_VIEWER,
        "gives up only a run without predictions",
        "when the sources lack the data",
    ),
)
_TRAIN: _Rights = (
    _QUERIES,
    (PROJECT, "", roles.READ_SESSION_USER, "reads training rows as streams"),
    _CATALOGUE,
    _GENERATION,
    (DATASET, "runs_dataset", roles.DATA_VIEWER, "reads examples"),
    (DATASET, "runs_dataset", roles.DATA_EDITOR, "loads id<->index tables", _MAPS),
    (TABLE, "dataset.id_maps_v1", roles.DATA_EDITOR, "publishes id<->index tables", _MAPS),
    *_LEDGER,
    (TABLE, "ledger_dataset.models_v1", roles.DATA_EDITOR, "records models"),
    _CLAIM,
    (FOLDER, Folder.MODELS, roles.OBJECT_VIEWER, "commits models"),
    (FOLDER, Folder.MODELS, roles.OBJECT_CREATOR, "commits models"),
    (BUCKET, "", roles.BUCKET_VIEWER, "load jobs look at the bucket", _MAPS),
)
_PREDICT: _Rights = (
    _QUERIES,
    (PROJECT, "", roles.READ_SESSION_USER, "reads the rows of a shard as a stream"),
    _CATALOGUE,
    _GENERATION,
    (DATASET, "runs_dataset", roles.DATA_VIEWER, "reads examples"),
    (DATASET, "ledger_dataset", roles.DATA_VIEWER, "compares bundles with the ledger"),
    _CLAIM,
    (FOLDER, Folder.MODELS, roles.OBJECT_VIEWER, "loads models"),
    (FOLDER, Folder.PREDICTIONS, roles.OBJECT_VIEWER, "commits shards and manifests"),
    (FOLDER, Folder.PREDICTIONS, roles.OBJECT_CREATOR, "commits shards and manifests"),
    (FOLDER, Folder.REJECTS, roles.OBJECT_VIEWER, "describes rejected rows", "when rows are rejected"),
    (FOLDER, Folder.REJECTS, roles.OBJECT_CREATOR, "describes rejected rows", "when rows are rejected"),
)
_LOAD: _Rights = (
    (PROJECT, "", roles.JOB_USER, "runs queries and load jobs"),
    _CATALOGUE,
    (DATASET, "runs_dataset", roles.DATA_EDITOR, "loads predictions into run tables"),
    (TABLE, PREDICTIONS, roles.DATA_EDITOR, "publishes predictions"),
    (TABLE, "dataset.verdicts_v1", roles.DATA_EDITOR, "records why there is a first champion"),
    *_LEDGER,
    (TABLE, "ledger_dataset.champions_v1", roles.DATA_EDITOR, "names the first champion"),
    _CLAIM,
    (FOLDER, Folder.PREDICTIONS, roles.OBJECT_VIEWER, "reads manifests; load jobs read files"),
    (BUCKET, "", roles.BUCKET_VIEWER, "load jobs look at the bucket"),
)
_EVALUATE: _Rights = (
    _QUERIES,
    (DATASET, "dataset", roles.DATA_VIEWER, "reads sources of labels, predictions and metrics"),
    *(
        (TABLE, f"dataset.{name}_v1", roles.DATA_EDITOR, "records results")
        for name in ("metrics", "comparisons", "drift", "verdicts")
    ),
    (DATASET, "runs_dataset", roles.DATA_EDITOR, "makes tables of labels"),
    (DATASET, "dashboard_dataset", roles.METADATA_VIEWER, "lists views"),
    *_LEDGER,
    (TABLE, "ledger_dataset.champions_v1", roles.DATA_EDITOR, "promotes a challenger", "when the gate promotes"),
    (FOLDER, Folder.ATTEMPTS, roles.OBJECT_VIEWER, "finds a run by its claim"),
    (FOLDER, Folder.MODELS, roles.OBJECT_VIEWER, "compares scores with those of the training rows"),
)
_STARTS = "starts the phase, for one run date with other arguments; no other account may override arguments"
_RIGHTS: dict[str, _Rights] = {
    SETUP: _SETUP,
    **{
        phase: (*rights, *_FAILURES)
        for phase, rights in zip(PHASES, (_PREPROCESS, _TRAIN, _PREDICT, _LOAD, _EVALUATE), strict=True)
    },
    WORKFLOW: [
        right
        for phase in PHASES
        for right in (
            (RUN_JOB, phase, roles.RUN_EXECUTOR, _STARTS),
            (RUN_JOB, phase, roles.RUN_VIEWER, "waits for its end"),
        )
    ],
    SCHEDULER: (
        (PROJECT, "", roles.WORKFLOW_INVOKER, "starts the workflow; Workflows has no rights for a single one"),
    ),
    DASHBOARD: (
        _QUERIES,
        (DATASET, "dashboard_dataset", roles.DATA_VIEWER, "reads the views, which are authorised on the tables"),
    ),
}


def grants() -> list[Grant]:
    """Return every right of a deployment, by account."""
    return [grant for account in _RIGHTS for grant in grants_of(account)]


def grants_of(account: str) -> list[Grant]:
    """Return the rights of an account."""
    return [Grant(account, *right) for right in _RIGHTS[account]]


def operator_grants() -> list[Grant]:
    """Return every right that an operator could need."""
    phases = [replace(grant, account=OPERATOR) for account in (SETUP, *PHASES) for grant in grants_of(account)]
    sources, removes = (
        ("sends the files of sources", "for `pipeline sources load`"),
        ("removes uploads", "for `pipeline gc`"),
    )
    return [
        *phases,
        *(
            Grant(OPERATOR, FOLDER, Folder.SOURCES, role, *sources)
            for role in (roles.OBJECT_VIEWER, roles.OBJECT_CREATOR)
        ),
        *(Grant(OPERATOR, FOLDER, folder, roles.OBJECT_USER, *removes) for folder in FOLDERS),
        Grant(
            OPERATOR, PROJECT, "", roles.RESOURCE_VIEWER, "sees which job failed", "for `pipeline status` and `trace`"
        ),
    ]
