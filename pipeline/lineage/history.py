"""What the ledger says of a job: its events, models, comparisons, verdicts and champions, each read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from pipeline.dates import EARLIEST, LATEST
from pipeline.identity import VERSION
from pipeline.ledger import Ledger
from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import Statement, TableName
from pipeline.statements.champions import champions_of_statement
from pipeline.statements.trace import comparisons_statement, models_statement, verdicts_statement

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]


def versions(digests: Mapping[str, str]) -> dict[str, str]:
    """Return digests of SQL files by their names as people write them, `<name>@v<N>`."""
    return {VERSION.sub("@v", name): digest for name, digest in digests.items()}


@dataclass(frozen=True)
class History:
    """The ledger of one job, of all its run dates; empty where nothing was ever done at the target."""

    session: Session
    job: Job

    @cached_property
    def events(self) -> Rows:
        """Events with their details as an object."""
        is_there = self._is_there(self.session.target.ledger_table("events"))
        rows = Ledger(self.session, self.job.name).events(EARLIEST, LATEST) if is_there else []
        return [{**row, "details": json.loads(row["details"] or "{}")} for row in rows]

    @cached_property
    def models(self) -> Rows:
        """Every fit of a variant."""
        return self._rows(models_statement, self.session.target.ledger_table("models"))

    @cached_property
    def comparisons(self) -> Rows:
        """Champion beside challenger, one row a metric."""
        return self._rows(comparisons_statement, self.session.target.table("comparisons_v1"))

    @cached_property
    def verdicts(self) -> Rows:
        """What was decided about champion and challengers."""
        return self._rows(verdicts_statement, self.session.target.table("verdicts_v1"))

    @cached_property
    def champions(self) -> Rows:
        """Champions with the run dates for which they hold."""
        return self._rows(champions_of_statement, self.session.target.ledger_table("champions"))

    @cached_property
    def evaluations(self) -> Rows:
        """Evaluations: their events with `evaluation_id`."""
        done = (row for row in self.events if row["event"] == "evaluated")
        return [{**row, "evaluation_id": row["event_id"].rpartition("/")[2]} for row in done]

    def of_run(self, run_id: str, event: str, phase: str = "") -> Iterator[Row]:
        """Return the events of one kind of a run."""
        own = (row for row in self.events if row["run_id"] == run_id and row["event"] == event)
        return (row for row in own if phase in ("", row["phase"]))

    def evaluations_of(self, run_id: str) -> Rows:
        """Return the evaluations of what a run published."""
        return [row for row in self.evaluations if row["details"].get("run_id") == run_id]

    def champion_of(self, run_date: date) -> str | None:
        """Return the variant that consumers read for a run date."""
        spans = (row for row in self.champions if row["holds_from"] <= run_date < row["holds_until"])
        return next((row["variant"] for row in spans), None)

    def _rows(self, statement: Callable[[Session, str], Statement], table: TableName) -> Rows:
        """Return the rows of a statement; none where what it reads was never made at the target."""
        return self.session.warehouse.rows(statement(self.session, self.job.name)) if self._is_there(table) else []

    def _is_there(self, table: TableName) -> bool:
        return self.session.warehouse.tables.exists(table)
