"""The tables, views and functions of the pipeline in a target: their statements, and making the missing ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.base.digests import digest_text, unique_name
from pipeline.cloud.bigquery.billing_labels import labelled
from pipeline.errors import PermissionMissing, RequestError
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName, render

PARTITION = "run_date"
"""Column by which published predictions are partitioned."""

SLICE_COLUMNS = Schema.parse(
    {PARTITION: "DATE NOT NULL"}
    | dict.fromkeys(("run_id", "model_id", "variant"), "STRING NOT NULL")
    | {"generation": "INT64 NOT NULL"}
)
"""Columns of a predictions table that name the slice of a row."""

DASHBOARD_VIEWS: Mapping[str, Sequence[str]] = {
    "latest": ("metrics", "roles", "events"),
    "history": ("metrics", "roles"),
    "slices": ("metrics", "roles"),
    "calibration": ("metrics", "roles"),
    "comparison": ("comparisons", "verdicts"),
    "drift": ("drift",),
    "runs": ("events",),
}
"""Views that a dashboard reads, `dashboard_<name>`, with the tables and views that each of them reads."""


@dataclass(frozen=True)
class SchemaObject:
    """A table, view or function and the statement that makes it."""

    name: TableName
    statement: Statement

    @property
    def digest(self) -> str:
        """Digest of the rendered text: another table behind a view makes another view."""
        return digest_text(self.statement.sql)


def function_name(session: Session, name: str) -> TableName:
    """Return the name of a user-defined function; it has a digest, so a new body never replaces one in use."""
    return session.target.table(f"{name}_{session.catalogue.function(name).digest}")


def functions(session: Session) -> Iterator[SchemaObject]:
    """Return every user-defined function."""
    for name in session.catalogue.all_function_names():
        table = function_name(session, name)
        yield SchemaObject(table, render(session.catalogue.function(name), {"function": table}, {}))


def tables_and_views(session: Session, job: Job) -> Iterator[SchemaObject]:
    """Return the tables that are equal for all jobs, and the views, each after the tables and views that it reads."""
    target = session.target
    ledger = {f"{name}_v1": target.ledger_table(f"{name}_v1") for name in ("events", "models", "champions")}
    results = ("metrics", "comparisons", "verdicts", "drift", "id_maps")
    for asset, table in (ledger | {f"{name}_v1": target.table(f"{name}_v1") for name in results}).items():
        yield SchemaObject(table, session.statement(f"ledger/{asset}", {"table": table}))
    for name in ("events", "models", "champions"):
        yield _view(session, f"{name}_latest_v1", target.ledger_table(name), {name: ledger[f"{name}_v1"]})
    for name in ("metrics", "comparisons", "drift"):
        yield _view(session, f"{name}_latest_v1", target.table(name), {name: target.table(f"{name}_v1")})
    identifiers: dict[str, TableName | str] = {
        "predictions": target.table(job.predictions_table),
        "champions": target.ledger_table("champions"),
        "job": job.name,
    }
    yield _view(session, "champion_predictions_v1", target.table(job.predictions_view), identifiers)


def dashboard_views(session: Session) -> Iterator[SchemaObject]:
    """Return the views of the dashboard dataset, after the view of roles that they read.

    They read events_v1 and not the view of events: their windows hold the run date, so that a filter reaches the table.
    """
    target = session.target
    events, champions = target.ledger_table("events_v1"), target.ledger_table("champions")
    yield _view(session, "roles_v1", target.ledger_table("roles"), {"events": events, "champions": champions})
    tables = {
        "metrics": target.table("metrics"),
        "comparisons": target.table("comparisons"),
        "verdicts": target.table("verdicts_v1"),
        "drift": target.table("drift"),
        "roles": target.ledger_table("roles"),
        "events": events,
    }
    for name, read in DASHBOARD_VIEWS.items():
        view = target.dashboard_table(f"dashboard_{name}")
        identifiers = {"view": view, **{table: tables[table] for table in read}}
        yield SchemaObject(view, session.statement(f"dashboard/{name}_v1", identifiers))


def _view(session: Session, asset: str, name: TableName, identifiers: Mapping[str, TableName | str]) -> SchemaObject:
    return SchemaObject(name, session.statement(f"ledger/{asset}", {"view": name, **identifiers}))


def ensure_tables(session: Session, job: Job) -> None:
    """Make the tables, functions and views of a job where they are missing.

    An object with the same SQL digest is left alone, so a second call costs one listing of each dataset.

    Raises
    ------
    RequestError
        A table exists with other SQL or other columns.
    PermissionMissing
        An object is missing, and these credentials may not make it.
    """
    target, tables = session.target, session.warehouse.tables
    existing = tables.labels_in(target.dataset) | tables.labels_in(target.ledger_dataset)
    _ensure_predictions(session, job, existing.get(job.predictions_table))
    known = tables.functions()
    for function in functions(session):
        if function.name.name not in known:
            _make(session, job, function)
    _ensure_objects(session, job, tables_and_views(session, job), existing)
    _warn_of_older_versions(session, job, existing)


def _warn_of_older_versions(session: Session, job: Job, existing: Mapping[str, Mapping[str, str]]) -> None:
    """Say so when the view of consumers has just changed to another version of predictions."""
    *_, view = tables_and_views(session, job)
    before = existing.get(view.name.name, {}).get("sql_digest")
    others = sorted(name for name in existing if job.version_of(name) and name != job.predictions_table)
    if others and before and before != view.digest:
        tables = ", ".join(str(session.target.table(name)) for name in others)
        what = f"{view.name} now shows {job.predictions_table}; run dates that are only in {tables} are not in it"
        session.reporter.warn(f"{what}: pipeline backfill makes them again")


def ensure_dashboard(session: Session, job: Job) -> None:
    """Make the views of dashboards where they are missing: with the first evaluation, or for a page."""
    target, tables = session.target, session.warehouse.tables
    existing = tables.labels_in(target.ledger_dataset) | tables.labels_in(target.dashboard_dataset)
    _ensure_objects(session, job, dashboard_views(session), existing)


def _ensure_objects(
    session: Session, job: Job, objects: Iterable[SchemaObject], existing: Mapping[str, Mapping[str, str]]
) -> None:
    for item in objects:
        digest = existing.get(item.name.name, {}).get("sql_digest")
        if digest != item.digest:
            if digest and not item.statement.sql.startswith("CREATE OR REPLACE "):
                message = f"{item.name} was made by other SQL than {item.statement.asset.path}"
                raise RequestError(message, hint="a table does not change: make a new version, or remove the old table")
            _make(session, job, item)
            session.warehouse.tables.set_labels(item.name, {"sql_digest": item.digest})


def _ensure_predictions(session: Session, job: Job, labels: Mapping[str, str] | None) -> None:
    """Make the table of predictions, or raise if it exists with other columns."""
    table, schema = session.target.table(job.predictions_table), SLICE_COLUMNS + job.prediction_schema
    if labels is None:
        clusters = list(dict.fromkeys(["variant", *job.spec.entity]))[:4]
        columns = {"columns": schema.digest}
        with _setup_hint(job):
            session.warehouse.tables.create(table, schema, partition_by=PARTITION, cluster_by=clusters, labels=columns)
    elif labels.get("columns") != schema.digest:
        message = f"{table} has other columns than {job.folder / 'job.yaml'} and this version of the pipeline ask for"
        raise RequestError(message, hint="raise predictions.version in job.yaml, or remove the table")


def _make(session: Session, job: Job, item: SchemaObject) -> None:
    # A unique job id: the same SQL may be needed again after another version was in its place.
    step = unique_name(f"setup-{item.name.name}")
    with _setup_hint(job), labelled(job=job.name, phase="setup"):
        session.warehouse.execute(item.statement, step=step)


@contextmanager
def _setup_hint(job: Job) -> Iterator[None]:
    """Point to `pipeline setup` if a phase may not make a table: after a change of SQL, setup runs first."""
    try:
        yield
    except PermissionMissing as error:
        hint = f"pipeline setup {job.name} makes it, with the rights for that; deploy.sh calls it"
        raise PermissionMissing(error.given, hint=hint) from error
