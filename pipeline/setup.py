"""Tables, views and functions of the pipeline: made where they are missing, views remade when their SQL changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from pipeline.digests import unique_name
from pipeline.errors import PermissionMissing, RequestError
from pipeline.job_labels import labelled
from pipeline.project import Job
from pipeline.schemas import Schema
from pipeline.session import Session
from pipeline.statements.places import Place, dashboard_views, functions, tables_and_views

PARTITION = "run_date"
"""Column by which published predictions are partitioned."""

SLICE_COLUMNS = Schema.parse(
    {PARTITION: "DATE NOT NULL"}
    | dict.fromkeys(("run_id", "model_id", "variant"), "STRING NOT NULL")
    | {"generation": "INT64 NOT NULL"}
)
"""Columns of a predictions table that say which slice a row belongs to."""


def ensure_tables(session: Session, job: Job) -> None:
    """Make what a job needs in its target: ledger, metrics, predictions table, functions and views.

    What exists with the same SQL digest is left alone, so that a second call costs one listing of each dataset.
    """
    existing = _existing(session)
    _ensure_predictions(session, job, existing.get(job.predictions_table))
    known = session.warehouse.tables.functions()
    for place in functions(session):
        if place.name.name not in known:
            _make(session, job, place)
    _ensure_places(session, job, tables_and_views(session, job), existing)


def ensure_dashboard(session: Session, job: Job) -> None:
    """Make the views that dashboards read, over the tables that are there; with the first evaluation, or a page."""
    target, tables = session.target, session.warehouse.tables
    existing = tables.labels_in(target.ledger_dataset) | tables.labels_in(target.dashboard_dataset)
    _ensure_places(session, job, dashboard_views(session), existing)


def _ensure_places(
    session: Session, job: Job, places: Iterable[Place], existing: Mapping[str, Mapping[str, str]]
) -> None:
    for place in places:
        labels = existing.get(place.name.name, {})
        if labels.get("sql_digest") != place.digest:
            if labels.get("sql_digest") and not place.replaces:
                what = f"{place.name} was made by other SQL than {place.statement.asset.path}"
                raise RequestError(what, hint="a table does not change: make a new version, or remove the old table")
            _make(session, job, place)
            session.warehouse.tables.set_labels(place.name, {"sql_digest": place.digest})


def _ensure_predictions(session: Session, job: Job, labels: dict[str, str] | None) -> None:
    """Make the table of predictions, or refuse one that was made for other columns."""
    table, schema = session.target.table(job.predictions_table), SLICE_COLUMNS + job.prediction_schema
    if labels is None:
        clusters = list(dict.fromkeys(["variant", *job.spec.entity]))[:4]
        made_for = {"columns": schema.digest}
        with _rights_of_setup(job):
            session.warehouse.tables.create(table, schema, partition_by=PARTITION, cluster_by=clusters, labels=made_for)
    elif labels.get("columns") != schema.digest:
        what = f"{table} has other columns than {job.folder / 'job.yaml'} and this version of the pipeline ask for"
        raise RequestError(what, hint="raise predictions.version in job.yaml, or remove the table")


def _make(session: Session, job: Job, place: Place) -> None:
    # A job id of its own: the same SQL may be needed again after another version was in its place.
    step = unique_name(f"setup-{place.name.name}")
    with _rights_of_setup(job), labelled(job=job.name, phase="setup"):
        session.warehouse.execute(place.statement, step=step)


@contextmanager
def _rights_of_setup(job: Job) -> Iterator[None]:
    """Say who may make tables, where a phase may not: after SQL has changed, setup comes first."""
    try:
        yield
    except PermissionMissing as error:
        hint = f"pipeline setup {job.name} makes it, with the rights for that; deploy.sh calls it"
        raise PermissionMissing(error.given, hint=hint) from error


def _existing(session: Session) -> dict[str, dict[str, str]]:
    target = session.target
    listed = (session.warehouse.tables.labels_in(dataset) for dataset in (target.dataset, target.ledger_dataset))
    return {name: labels for tables in listed for name, labels in tables.items()}
