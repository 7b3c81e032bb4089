"""A run of a job for a run date: its identity, the names of its files and tables, and its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pipeline.project.project import Job
from pipeline.runs.layout import RunLayout
from pipeline.runs.ledger.ledger import Event, Ledger
from pipeline.runs.session import Session
from pipeline.sql import TableName


@dataclass(frozen=True)
class FailedVariant:
    """A variant that failed in a phase; `reason` has marks around words that may hold values of rows."""

    variant: str
    phase: str
    model_id: str
    reason: str
    exit_code: int


@dataclass(frozen=True)
class Run:
    """A claimed run.

    Parameters
    ----------
    as_of
        The run uses only what was known at this moment.
    run_id
        `<job>-<run date>-<hash>`.
    generation
        1 for the first run of a run date, higher for later definitions and reruns.
    snapshot_at
        Physical moment at which base tables are read.
    champion
        Variant in force when the run was claimed, or None.
    done_now
        Phases in which this process did work; empty if all was done before.
    recorded
        Phases whose events this process has appended.
    failed
        Variants that failed and that this process does not try again; the others went on.
    """

    session: Session
    job: Job
    run_date: date
    as_of: datetime
    run_id: str
    generation: int
    snapshot_at: datetime
    champion: str | None
    done_now: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    failed: dict[str, FailedVariant] = field(default_factory=dict)

    @property
    def leader(self) -> str:
        """Id of the variant whose predictions consumers read: the champion, or the first variant, which becomes it."""
        champion = self.champion or ""
        return champion if champion in self.job.variant_ids else self.job.variants[0].id

    @property
    def layout(self) -> RunLayout:
        """Addresses of the run's objects."""
        return RunLayout(self.session.store.uri(), self.job.name, self.run_date, self.run_id)

    @property
    def ledger(self) -> Ledger:
        """The job's ledger."""
        return Ledger(self.session, self.job.name)

    def table(self, step: str) -> TableName:
        """Return the name of one of the run's tables in the runs dataset."""
        digest = self.run_id.rsplit("-", 1)[-1]
        return self.session.target.run_table(f"{self.job.name}__{self.run_date:%Y%m%d}__{digest}__{step}")

    def predictions_table(self, variant: str, model_id: str) -> TableName:
        """Return the name of the run table into which one model's predictions are loaded."""
        return self.table(f"predictions__{variant.replace('@', '_')}__{model_id}")

    def id_map_table(self, variant: str, name: str) -> TableName:
        """Return the name of the run table into which an id<->index table of a variant's model is loaded."""
        return self.table(f"ids__{variant.replace('@', '_')}__{name}")

    def billing_labels(self, phase: str) -> dict[str, str]:
        """Return the billing labels of the run's BigQuery jobs and tables."""
        return {"job": self.job.name, "run_id": self.run_id, "phase": phase}

    def void(self, reason: str) -> None:
        """Give this run up: the next attempt claims a new generation, with a new snapshot."""
        self.session.store.put_json_once({"reason": reason}, self.layout.void)

    def unrecorded(self, phase: str, events: Sequence[Event]) -> list[Event]:
        """Return the events of a phase that the ledger lacks.

        Also events of artefacts that existed before: an attempt may have ended between an artefact and its event.
        """
        if phase in self.done_now:
            return list(events)
        known = {(row["phase"], row["event"], row["variant"], row["model_id"]) for row in self.events()}
        return [event for event in events if (phase, event.event, event.variant, event.model_id) not in known]

    def record(self, phase: str, events: Sequence[Event]) -> None:
        """Append the events of a phase that the ledger lacks."""
        if phase not in self.recorded:
            self.ledger.record(self.run_date, self.run_id, self.unrecorded(phase, events))
            self.recorded.add(phase)

    def events(self) -> list[dict[str, Any]]:
        """Return the events of this run in the ledger."""
        return [row for row in self.ledger.events(self.run_date, self.run_date) if row["run_id"] == self.run_id]
