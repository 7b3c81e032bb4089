"""The ledger: append-only tables of what happened, and the views over them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from pipeline.digests import digest_json, unique_name
from pipeline.session import Session


@dataclass(frozen=True)
class Event:
    """Something that happened in a run; the same event is recorded once.

    Parameters
    ----------
    phase
        preprocess, train, predict, load or evaluate.
    event
        What happened, e.g. `done`, `published`, `evaluated`.
    key
        Tells events of one kind apart, e.g. the model.
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
        if not events:
            return
        rows = [_event_row(self.job, run_id, event) for event in events]
        values = {"run_date": run_date, "events": rows}
        self._append("append_events_v1", {"events": "events_v1"}, values, f"{run_id}-events")

    def record_models(self, run_date: date, run_id: str, models: Sequence[Mapping[str, Any]]) -> None:
        """Append the models of a run, each once."""
        values = {"run_date": run_date, "run_id": run_id, "job": self.job, "models": list(models)}
        self._append("append_models_v1", {"models": "models_v1"}, values, f"{run_id}-models")

    def decide_champion(self, variant: str, from_run_date: date, reason: str) -> bool:
        """Make a variant champion from a run date on, and tell whether that is new."""
        values = {"job": self.job, "variant": variant, "from_run_date": from_run_date, "reason": reason}
        tables = {"champions": "champions_v1", "decided": "champions"}
        # A job id of its own: the same decision may be taken again after another one.
        return self._append("append_champion_v1", tables, values, unique_name(f"{self.job}-champion")) > 0

    def record_verdict(self, run_date: date, champion: str, verdict: str, reason: str) -> None:
        """Append a verdict, once."""
        session = self.session
        values = {"job": self.job, "run_date": run_date, "champion": champion, "verdict": verdict, "reason": reason}
        table = session.warehouse.table("verdicts_v1")
        statement = session.statement("ledger/append_verdict_v1", {"verdicts": table}, values)
        session.warehouse.execute(statement, step=f"{self.job}-verdict", labels={"job": self.job})

    def verdict(self, run_date: date) -> str | None:
        """Return what was decided on a run date, or None."""
        table = self.session.warehouse.table("verdicts_v1")
        values = {"job": self.job, "run_date": run_date}
        rows = self.session.warehouse.rows(self.session.statement("ledger/verdict_of_v1", {"verdicts": table}, values))
        return rows[0]["verdict"] if rows else None

    def run_start(self, run_date: date) -> dict[str, Any]:
        """Return BigQuery's present moment (`snapshot_at`), the champion in force and if it was `named_first` then."""
        table = self.session.warehouse.ledger_table("champions")
        values = {"job": self.job, "run_date": run_date}
        statement = self.session.statement("ledger/run_start_v1", {"champions": table}, values)
        return self.session.warehouse.rows(statement)[0]

    def events(self, first: date, last: date) -> list[dict[str, Any]]:
        """Return the events of run dates."""
        table = self.session.warehouse.ledger_table("events")
        values = {"job": self.job, "first_date": first, "last_date": last}
        return self.session.warehouse.rows(self.session.statement("ledger/events_of_v1", {"events": table}, values))

    def _append(self, asset: str, tables: Mapping[str, str], values: Mapping[str, Any], step: str) -> int:
        warehouse = self.session.warehouse
        identifiers = {name: warehouse.ledger_table(table) for name, table in tables.items()}
        statement = self.session.statement(f"ledger/{asset}", identifiers, values)
        return warehouse.execute(statement, step=step, labels={"job": self.job})


def _event_row(job: str, run_id: str, event: Event) -> dict[str, Any]:
    row = asdict(event)
    key, details = row.pop("key"), row.pop("details")
    event_id = f"{run_id}/{event.phase}/{event.event}/{key or digest_json(event.variant)}"
    return {**row, "event_id": event_id, "job": job, "run_id": run_id, "details": json.dumps(details, default=str)}
