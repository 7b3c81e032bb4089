"""Rows of the ledger, grouped once and looked up from then on."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.explain.trace.statements import (
    comparisons_statement,
    evaluated_runs_statement,
    evaluation_dates_statement,
    model_runs_statement,
    models_statement,
    verdicts_statement,
)
from pipeline.project.project import Job
from pipeline.runs.identity import as_written
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.statements import champions_of_statement
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

Row = Mapping[str, Any]


Rows = list[Row]


def grouped(rows: Iterable[Row], *columns: str) -> dict[Any, Rows]:
    """Return rows by their value of a column, or by their values of several, in the order in which they came."""
    found: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        found[row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns)].append(row)
    return dict(found)


JUDGED = ("keep", "too-few-labels")
"""Verdicts of the gate that change nothing; the others are decisions."""


class Verdicts:
    """Verdicts about the variants of a job, in the order in which they are looked for."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        ordered = sorted(rows, key=lambda row: row["run_date"])
        of_gate = [row for row in ordered if _of_gate(row)]
        self._dates = grouped(ordered, "run_date")
        self._pairs = grouped(of_gate, "champion", "challenger", "run_date")
        self._closing = grouped((row for row in of_gate if _closes(row)), "champion", "challenger")

    def on(self, run_date: date) -> Rows:
        """Return the verdicts of a run date."""
        return self._dates.get(run_date, [])

    def led_to(self, compared: Row) -> Iterator[Row]:
        """Return the verdicts that a comparison led to: that of its own run date, and that which closed its window.

        A window of days is closed by a verdict with a difference; those before it say that labels are too few.
        """
        pair, day = (compared["champion"], compared["challenger"]), compared["run_date"]
        for row in self._pairs.get((*pair, day), []):
            yield row
            if _closes(row):
                return
        closing = self._closing.get(pair, [])
        after = bisect_left(closing, day, key=lambda row: row["run_date"])
        yield from closing[after : after + 1]


def _closes(row: Row) -> bool:
    return row["difference"] is not None


def _of_gate(row: Row) -> bool:
    """Tell whether the gate said it: what is decided by hand stands on no comparison."""
    return row["verdict"] in JUDGED or _closes(row)


def runs_of_models(session: Session, jobs: Collection[str], model_ids: Collection[str]) -> Rows:
    """Return the runs that made models (`made`), and those that predicted with them."""
    tables = [session.target.ledger_table(name) for name in ("models", "events")]
    if not model_ids or not all(session.warehouse.tables.exists(table) for table in tables):
        return []
    return list(session.warehouse.rows(model_runs_statement(session, sorted(jobs), sorted(model_ids))))


def dates_of_evaluation(session: Session, jobs: Collection[str], evaluation_id: str) -> Rows:
    """Return job and run date of an evaluation; none where there is no such evaluation."""
    if not session.warehouse.tables.exists(session.target.ledger_table("events")):
        return []
    return list(session.warehouse.rows(evaluation_dates_statement(session, sorted(jobs), evaluation_id)))


ReadDates = Callable[[Session, str, date, date], Statement]


def versions(digests: Mapping[str, str]) -> dict[str, str]:
    """Return digests of SQL files by their names as people write them, `<name>@v<N>`."""
    return {as_written(name): digest for name, digest in digests.items()}


@dataclass(frozen=True)
class History:
    """The ledger of one job, of run dates from `first` to `last`; empty where nothing was ever done at the target."""

    session: Session
    job: Job
    first: date = EARLIEST
    last: date = LATEST

    @cached_property
    def events(self) -> Rows:
        """Events with their details as an object."""
        is_there = self._is_there(self.session.target.ledger_table("events"))
        rows = Ledger(self.session, self.job.name).events(self.first, self.last) if is_there else []
        return [{**row, "details": json.loads(row["details"] or "{}")} for row in rows]

    @cached_property
    def run_ids(self) -> Mapping[date, list[str]]:
        """Runs that the events name, by run date: evaluations belong to a run date, and to no run."""
        found: dict[date, dict[str, None]] = {}
        for row in self.events:
            runs = found.setdefault(row["run_date"], {})
            if row["phase"] != "evaluate":
                runs[row["run_id"]] = None
        return {run_date: list(runs) for run_date, runs in found.items()}

    @cached_property
    def models(self) -> Rows:
        """Every fit of a variant."""
        return self._rows(models_statement, self.session.target.ledger_table("models"))

    @cached_property
    def verdicts(self) -> Verdicts:
        """What was decided about champion and challengers, later as well: a later verdict closes a window of days."""
        return Verdicts(self._rows(verdicts_statement, self.session.target.table("verdicts_v1"), LATEST))

    @cached_property
    def champions(self) -> Rows:
        """All champions of the job, with the run dates for which they hold."""
        is_there = self._is_there(self.session.target.ledger_table("champions"))
        statement = champions_of_statement(self.session, self.job.name)
        return list(self.session.warehouse.rows(statement)) if is_there else []

    @cached_property
    def evaluations(self) -> Rows:
        """Evaluations: their events with `evaluation_id`, and the run that they judged, None where nothing names it."""
        done = [{**row, "evaluation_id": row["event_id"].rpartition("/")[2]} for row in self.events if _evaluated(row)]
        return [
            {**row, "judged": row["details"].get("run_id") or self._judged.get(row["evaluation_id"])} for row in done
        ]

    def of_run(self, run_id: str, event: str, phase: str = "") -> Iterator[Row]:
        """Return the events of one kind of a run."""
        return (row for row in self._events_of.get((run_id, event), []) if phase in ("", row["phase"]))

    def models_of(self, run_id: str) -> Rows:
        """Return what a run fitted."""
        return self._models_of.get(run_id, [])

    def makers_of(self, model_id: str) -> Rows:
        """Return every fit, of these run dates, that made a model."""
        return self._makers_of.get(model_id, [])

    def evaluations_of(self, run_id: str) -> Rows:
        """Return the evaluations of what a run published."""
        return self._evaluations_of.get(run_id, [])

    def comparisons_of(self, evaluation_id: str) -> Rows:
        """Return champion beside challengers in an evaluation, one row a metric."""
        return self._comparisons_of.get(evaluation_id, [])

    def champion_of(self, run_date: date) -> str | None:
        """Return the variant that consumers read for a run date."""
        spans = (row for row in self.champions if row["holds_from"] <= run_date < row["holds_until"])
        return next((row["variant"] for row in spans), None)

    @cached_property
    def _events_of(self) -> Mapping[tuple[str, str], Rows]:
        return grouped(self.events, "run_id", "event")

    @cached_property
    def _models_of(self) -> Mapping[str, Rows]:
        return grouped(self.models, "run_id")

    @cached_property
    def _makers_of(self) -> Mapping[str, Rows]:
        return grouped(self.models, "model_id")

    @cached_property
    def _evaluations_of(self) -> Mapping[str, Rows]:
        return grouped(self.evaluations, "judged")

    @cached_property
    def _comparisons_of(self) -> Mapping[str, Rows]:
        rows = self._rows(comparisons_statement, self.session.target.table("comparisons_v1"))
        return grouped(rows, "evaluation_id")

    @cached_property
    def _judged(self) -> Mapping[str, str]:
        """Runs by evaluation as metric rows have them: events of early evaluations do not name their run."""
        rows = self._rows(evaluated_runs_statement, self.session.target.table("metrics_v1"))
        return {row["evaluation_id"]: row["run_id"] for row in rows}

    def _rows(self, statement: ReadDates, table: TableName, last: date | None = None) -> Rows:
        """Return the rows of a statement; none where what it reads was never made at the target."""
        if not self._is_there(table):
            return []
        return list(self.session.warehouse.rows(statement(self.session, self.job.name, self.first, last or self.last)))

    def _is_there(self, table: TableName) -> bool:
        return self.session.warehouse.tables.exists(table)


def _evaluated(row: Row) -> bool:
    return bool(row["event"] == "evaluated")
