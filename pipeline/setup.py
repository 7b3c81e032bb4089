"""Tables, views and functions of the pipeline: made where they are missing, views remade when their SQL changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.digests import digest_text, unique_name
from pipeline.project import Job
from pipeline.schemas import Schema
from pipeline.session import Session
from pipeline.sql_assets import Statement, TableName, render

SLICE_COLUMNS = Schema.parse(dict.fromkeys(("run_id", "model_id", "variant"), "STRING NOT NULL"))


@dataclass(frozen=True)
class Place:
    """A table, view or function and the statement that makes it."""

    name: TableName
    statement: Statement

    @property
    def digest(self) -> str:
        """Digest of the rendered text: another table behind a view makes another view."""
        return digest_text(self.statement.sql)


def ensure_tables(session: Session, job: Job) -> None:
    """Make what a job needs in its target: ledger, metrics, predictions table, functions and views.

    What exists with the same SQL digest is left alone, so that a second call costs one listing of each dataset.
    """
    existing = _existing(session)
    if job.predictions_table not in existing:
        run_date = Schema.parse({"run_date": "DATE NOT NULL"})
        schema = run_date + SLICE_COLUMNS + job.prediction_schema
        clusters = list(dict.fromkeys(["variant", *job.spec.entity]))[:4]
        session.warehouse.tables.create(session.warehouse.table(job.predictions_table), schema, "run_date", clusters)
    functions = session.warehouse.tables.functions()
    for place in _functions(session):
        if place.name.name not in functions:
            _make(session, job, place)
    for place in _places(session, job):
        if existing.get(place.name.name, {}).get("sql_digest") != place.digest:
            _make(session, job, place)
            session.warehouse.tables.set_labels(place.name, {"sql_digest": place.digest})


def _make(session: Session, job: Job, place: Place) -> None:
    # A job id of its own: the same SQL may be needed again after another version was in its place.
    step = unique_name(f"setup-{place.name.name}")
    session.warehouse.execute(place.statement, step=step, labels={"job": job.name})


def function_name(session: Session, name: str) -> TableName:
    """Name a user-defined function; the name carries the digest, so that a new body never replaces one in use."""
    return session.warehouse.table(f"{name}_{session.catalogue.function(name).digest}")


def _functions(session: Session) -> Iterator[Place]:
    for name in session.catalogue.function_names():
        table = function_name(session, name)
        yield Place(table, render(session.catalogue.function(name), {"function": table}, {}))


def _existing(session: Session) -> dict[str, dict[str, str]]:
    target = session.warehouse.target
    listed = (session.warehouse.tables.labels_in(dataset) for dataset in (target.dataset, target.ledger_dataset))
    return {name: labels for tables in listed for name, labels in tables.items()}


def _places(session: Session, job: Job) -> Iterator[Place]:
    warehouse = session.warehouse
    for name in ("events_v1", "models_v1", "champions_v1"):
        yield _place(session, name, warehouse.ledger_table(name))
    for name in ("metrics_v1", "verdicts_v1"):
        yield _place(session, name, warehouse.table(name))
    for name in ("events", "models", "champions"):
        table = warehouse.ledger_table(f"{name}_v1")
        yield _view(session, f"{name}_latest_v1", warehouse.ledger_table(name), {name: table})
    yield _view(session, "metrics_latest_v1", warehouse.table("metrics"), {"metrics": warehouse.table("metrics_v1")})
    identifiers: dict[str, TableName | str] = {
        "predictions": warehouse.table(job.predictions_table),
        "champions": warehouse.ledger_table("champions"),
        "job": job.name,
    }
    yield _view(session, "champion_predictions_v1", warehouse.table(job.predictions_view), identifiers)


def _place(session: Session, asset: str, name: TableName) -> Place:
    return Place(name, session.statement(f"ledger/{asset}", {"table": name}))


def _view(session: Session, asset: str, name: TableName, identifiers: Mapping[str, TableName | str]) -> Place:
    return Place(name, session.statement(f"ledger/{asset}", {"view": name, **identifiers}))
