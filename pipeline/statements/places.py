"""Statements that make the tables, views and functions of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.digests import digest_text
from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import Statement, TableName, render


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
