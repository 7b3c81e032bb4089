"""Statements that make the tables, views and functions of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.base.digests import digest_text, unique_name
from pipeline.cloud.bigquery.labels import labelled
from pipeline.errors import PermissionMissing, RequestError
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName, render


@dataclass(frozen=True)
class Place:
    """A table, view or function and the statement that makes it."""

    name: TableName
    statement: Statement

    @property
    def replaces(self) -> bool:
        """Tell whether the statement takes the place of what is there."""
        return self.statement.sql.startswith("CREATE OR REPLACE ")

    @property
    def digest(self) -> str:
        """Digest of the rendered text: another table behind a view makes another view."""
        return digest_text(self.statement.sql)


def function_name(session: Session, name: str) -> TableName:
    """Name a user-defined function; the name carries the digest, so that a new body never replaces one in use."""
    return session.target.table(f"{name}_{session.catalogue.function(name).digest}")


def functions(session: Session) -> Iterator[Place]:
    """Return every user-defined function."""
    for name in session.catalogue.all_function_names():
        table = function_name(session, name)
        yield Place(table, render(session.catalogue.function(name), {"function": table}, {}))


def tables_and_views(session: Session, job: Job) -> Iterator[Place]:
    """Return the tables that do not change with a job, and the views, each after what it reads."""
    target = session.target
    for name in ("events_v1", "models_v1", "champions_v1"):
        yield _table(session, name, target.ledger_table(name))
    for name in ("metrics_v1", "comparisons_v1", "verdicts_v1", "drift_v1", "id_maps_v1"):
        yield _table(session, name, target.table(name))
    for name in ("events", "models", "champions"):
        table = target.ledger_table(f"{name}_v1")
        yield _view(session, f"{name}_latest_v1", target.ledger_table(name), {name: table})
    for name in ("metrics", "comparisons", "drift"):
        yield _view(session, f"{name}_latest_v1", target.table(name), {name: target.table(f"{name}_v1")})
    identifiers: dict[str, TableName | str] = {
        "predictions": target.table(job.predictions_table),
        "champions": target.ledger_table("champions"),
        "job": job.name,
    }
    yield _view(session, "champion_predictions_v1", target.table(job.predictions_view), identifiers)


DASHBOARD_VIEWS: Mapping[str, Sequence[str]] = {
    "latest": ("metrics", "roles", "events"),
    "history": ("metrics", "roles"),
    "slices": ("metrics", "roles"),
    "calibration": ("metrics", "roles"),
    "comparison": ("comparisons", "verdicts"),
    "drift": ("drift",),
    "runs": ("events",),
}
"""Views that a dashboard reads, `dashboard_<name>`, and what each of them stands on."""


def dashboard_views(session: Session) -> Iterator[Place]:
    """Return the views of the dashboard dataset, after the view of roles that they stand on.

    They read events_v1 and not the view of events: their windows hold the run date, so that a filter reaches the table.
    """
    target = session.target
    events, champions = target.ledger_table("events_v1"), target.ledger_table("champions")
    yield _view(session, "roles_v1", target.ledger_table("roles"), {"events": events, "champions": champions})
    known = {
        "metrics": target.table("metrics"),
        "comparisons": target.table("comparisons"),
        "verdicts": target.table("verdicts_v1"),
        "drift": target.table("drift"),
        "roles": target.ledger_table("roles"),
        "events": events,
    }
    for name, read in DASHBOARD_VIEWS.items():
        view = target.dashboard_table(f"dashboard_{name}")
        yield Place(
            view, session.statement(f"dashboard/{name}_v1", {"view": view, **{each: known[each] for each in read}})
        )


def _table(session: Session, asset: str, name: TableName) -> Place:
    return Place(name, session.statement(f"ledger/{asset}", {"table": name}))


def _view(session: Session, asset: str, name: TableName, identifiers: Mapping[str, TableName | str]) -> Place:
    return Place(name, session.statement(f"ledger/{asset}", {"view": name, **identifiers}))


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
