"""What the ledger says of a job on run dates: events, models, comparisons, verdicts and champions, each read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pipeline.dates import EARLIEST, LATEST
from pipeline.identity import as_written
from pipeline.ledger import Ledger
from pipeline.lineage.rows import Row, Rows, grouped
from pipeline.lineage.verdicts import Verdicts
from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import Statement, TableName
from pipeline.statements.champions import champions_of_statement
from pipeline.statements.trace import (
    comparisons_statement,
    evaluated_runs_statement,
    models_statement,
    verdicts_statement,
)

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
