"""The ledger of a job as a trace uses it: each table is read once, and its rows are grouped."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.explain.trace.statements import model_runs_statement, rows_statement
from pipeline.project.project import Job
from pipeline.runs.identity import as_written
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.statements import champions_of_statement
from pipeline.runs.session import Session
from pipeline.sql import Statement

UNCHANGED = ("keep", "too-few-labels")
"""Verdicts of the gate that leave the champion in place; the others are decisions."""

Row = Mapping[str, Any]
Rows = list[Row]


def grouped(rows: Iterable[Row], *columns: str) -> dict[Any, Rows]:
    """Return rows by their value of a column, or by their tuple of values of several columns, in their order."""
    groups: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        groups[row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns)].append(row)
    return dict(groups)


def versions(digests: Mapping[str, str]) -> dict[str, str]:
    """Return digests of SQL files by their names as people write them, `<name>@v<N>`."""
    return {as_written(name): digest for name, digest in digests.items()}


def read_rows(session: Session, statement: Statement) -> Rows:
    """Return the rows of a statement; no rows if a table that it reads was never created at the target."""
    exist = all(session.warehouse.tables.exists(table) for _, _, table in statement.tables)
    return list(session.warehouse.rows(statement)) if exist else []


def runs_of_models(session: Session, jobs: Collection[str], model_ids: Collection[str]) -> Rows:
    """Return the runs that made models (`made` is true) and the runs that predicted with them."""
    return read_rows(session, model_runs_statement(session, sorted(jobs), sorted(model_ids))) if model_ids else []


class Verdicts:
    """Verdicts about the variants of a job, indexed by run date and by the pair of variants."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        ordered = sorted(rows, key=lambda row: row["run_date"])
        # A manual decision has no difference: it rests on no comparison.
        by_gate = [row for row in ordered if row["verdict"] in UNCHANGED or _closes_window(row)]
        self._dates = grouped(ordered, "run_date")
        self._pairs = grouped(by_gate, "champion", "challenger", "run_date")
        self._closing = grouped(filter(_closes_window, by_gate), "champion", "challenger")

    def on(self, run_date: date) -> Rows:
        """Return the verdicts of a run date."""
        return self._dates.get(run_date, [])

    def led_to(self, comparison: Row) -> Iterator[Row]:
        """Return the verdicts that a comparison led to: that of its run date, and that which closed its window.

        A verdict with a difference closes a window of days; those before it say that there are too few labels.
        """
        pair, day = (comparison["champion"], comparison["challenger"]), comparison["run_date"]
        for row in self._pairs.get((*pair, day), []):
            yield row
            if _closes_window(row):
                return
        closing = self._closing.get(pair, [])
        after = bisect_left(closing, day, key=lambda row: row["run_date"])
        yield from closing[after : after + 1]


def _closes_window(row: Row) -> bool:
    return row["difference"] is not None


@dataclass(frozen=True)
class History:
    """The ledger of one job for the run dates from `first` to `last`; empty if the target has no ledger yet."""

    session: Session
    job: Job
    first: date = EARLIEST
    last: date = LATEST

    @cached_property
    def events(self) -> Rows:
        """Events with their details as an object."""
        exists = self.session.warehouse.tables.exists(self.session.target.ledger_table("events"))
        rows = Ledger(self.session, self.job.name).events(self.first, self.last) if exists else []
        return [{**row, "details": json.loads(row["details"] or "{}")} for row in rows]

    @cached_property
    def run_ids(self) -> Mapping[date, list[str]]:
        """Runs with events, by run date; events of evaluations belong to a run date and to no run."""
        run_ids: dict[date, dict[str, None]] = {}
        for row in self.events:
            runs = run_ids.setdefault(row["run_date"], {})
            if row["phase"] != "evaluate":
                runs[row["run_id"]] = None
        return {run_date: list(runs) for run_date, runs in run_ids.items()}

    @cached_property
    def evaluations(self) -> Rows:
        """Events of evaluations, with `evaluation_id` and `evaluated_run`."""
        return [
            {
                **row,
                "evaluation_id": row["event_id"].rpartition("/")[2],
                "evaluated_run": row["details"]["run_id"],
            }
            for row in self.events
            if row["event"] == "evaluated"
        ]

    @cached_property
    def evaluations_by_run(self) -> Mapping[str, Rows]:
        """Evaluations by the run that published the predictions."""
        return grouped(self.evaluations, "evaluated_run")

    @cached_property
    def models_by_run(self) -> Mapping[str, Rows]:
        """Fits of variants by run id."""
        return grouped(self._models, "run_id")

    @cached_property
    def makers_by_model(self) -> Mapping[str, Rows]:
        """Fits of variants by model id."""
        return grouped(self._models, "model_id")

    @cached_property
    def comparisons_by_evaluation(self) -> Mapping[str, Rows]:
        """Comparisons of the champion with challengers by evaluation id, one row a metric."""
        return grouped(self._rows("comparisons_v1"), "evaluation_id")

    @cached_property
    def verdicts(self) -> Verdicts:
        """Verdicts from the first run date on, without an end: a later verdict closes a window of days."""
        return Verdicts(self._rows("verdicts_v1", LATEST))

    @cached_property
    def champions(self) -> Rows:
        """All champions of the job, with the run dates for which they hold."""
        return read_rows(self.session, champions_of_statement(self.session, self.job.name))

    def of_run(self, run_id: str, event: str, phase: str = "") -> Iterator[Row]:
        """Return the events of one name of a run, of one phase or of all phases."""
        return (row for row in self._events_of.get((run_id, event), []) if phase in ("", row["phase"]))

    def champion_of(self, run_date: date) -> str | None:
        """Return the variant that consumers read for a run date."""
        spans = (row for row in self.champions if row["holds_from"] <= run_date < row["holds_until"])
        return next((row["variant"] for row in spans), None)

    @cached_property
    def _events_of(self) -> Mapping[tuple[str, str], Rows]:
        return grouped(self.events, "run_id", "event")

    @cached_property
    def _models(self) -> Rows:
        return self._rows("models")

    def _rows(self, table: str, last: date | None = None) -> Rows:
        return read_rows(
            self.session, rows_statement(self.session, table, self.job.name, self.first, last or self.last)
        )
