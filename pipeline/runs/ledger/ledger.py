"""The ledger of a job: append-only tables of events, models, champions and verdicts, and the views over them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from pipeline.base.digests import digest_json, unique_name
from pipeline.runs.ledger import statements
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Event:
    """Something that happened in a run; the same event is recorded once.

    Parameters
    ----------
    phase
        preprocess, train, predict, load or evaluate.
    event
        Its kind, e.g. `done`, `published`, `evaluated`.
    key
        Tells events of one kind apart. Without a key, variant and model do.
    details
        Anything else, as JSON.
    """

    phase: str
    event: str
    key: str = ""
    variant: str | None = None
    model_id: str | None = None
    uri: str | None = None
    row_count: int | None = None
    seconds: float | None = None
    sql_version: str | None = None
    sql_digest: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """The ledger of one job."""

    session: Session
    job: str

    def record(self, run_date: date, run_id: str, events: Sequence[Event]) -> None:
        """Append events of a run, each once."""
        if events:
            rows = [_event_row(self.job, run_id, event) for event in events]
            statement = statements.append_events_statement(self.session, run_date, rows)
            self.session.warehouse.append(statement, step=f"{run_id}-events")

    def record_models(self, run_date: date, run_id: str, models: Sequence[Mapping[str, Any]]) -> None:
        """Append the models of a run, each once."""
        if models:
            statement = statements.append_models_statement(self.session, self.job, run_date, run_id, models)
            self.session.warehouse.append(statement, step=f"{run_id}-models")

    def decide_champion(self, variant: str, from_run_date: date, reason: str) -> bool:
        """Make a variant champion from a run date on, and tell whether that is new."""
        statement = statements.append_champion_statement(self.session, self.job, variant, from_run_date, reason)
        # A unique job id: the same decision may be taken again after another one.
        return self.session.warehouse.execute(statement, step=unique_name(f"{self.job}-champion")) > 0

    def record_verdict(self, run_date: date, champion: str, verdict: str, reason: str) -> None:
        """Append a verdict, once."""
        statement = statements.append_verdict_statement(self.session, self.job, run_date, champion, verdict, reason)
        self.session.warehouse.append(statement, step=f"{self.job}-verdict")

    def record_verdicts(self, verdicts: Sequence[Mapping[str, Any]]) -> None:
        """Append verdicts of the gate, each once; rows hold the columns of `verdicts_v1` without the job."""
        if verdicts:
            statement = statements.append_verdicts_statement(self.session, self.job, verdicts)
            self.session.warehouse.append(statement, step=f"{self.job}-verdicts")

    def verdict(self, run_date: date) -> str | None:
        """Return the verdict of a run date, or None."""
        rows = self._verdicts(run_date)
        return rows[0]["verdict"] if rows else None

    def has_verdict(self, run_date: date, verdict: Mapping[str, Any]) -> bool:
        """Tell whether a run date has this verdict on a champion and no challenger."""
        return {**verdict, "challenger": None} in self._verdicts(run_date)

    def _verdicts(self, run_date: date) -> list[dict[str, Any]]:
        return self.session.warehouse.rows(statements.verdict_of_statement(self.session, self.job, run_date))

    def run_start(self, run_date: date) -> dict[str, Any]:
        """Return BigQuery's present moment (`snapshot_at`), the champion in force and whether it was `named_first`."""
        return self.session.warehouse.rows(statements.run_start_statement(self.session, self.job, run_date))[0]

    def events(self, first: date, last: date) -> list[dict[str, Any]]:
        """Return the events of run dates."""
        return self.session.warehouse.rows(statements.events_of_statement(self.session, self.job, first, last))


def _event_row(job: str, run_id: str, event: Event) -> dict[str, Any]:
    row = asdict(event)
    key, details = row.pop("key"), row.pop("details")
    own = f"{event.variant}/{event.model_id}" if event.model_id else digest_json(event.variant)
    event_id = f"{run_id}/{event.phase}/{event.event}/{key or own}"
    return {**row, "event_id": event_id, "job": job, "run_id": run_id, "details": json.dumps(details, default=str)}
