"""One run of a job for a run date: its identity, what it fixed when it started, and where its artefacts lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pipeline.dates import as_of
from pipeline.digests import digest_json
from pipeline.errors import RequestError
from pipeline.identity import run_definition, run_id_of
from pipeline.ledger import Event, Ledger
from pipeline.project import Job
from pipeline.session import Session
from pipeline.setup import ensure_tables
from pipeline.sql_assets import TableName


@dataclass(frozen=True)
class Run:
    """A claimed run.

    Parameters
    ----------
    as_of
        What the run may know: everything known at this moment.
    run_id
        `<job>-<run date>-<hash>`.
    generation
        1 for the first run of a run date, higher for later definitions and reruns.
    snapshot_at
        Physical moment at which base tables are read.
    champion
        Variant in force when the run was claimed, if any.
    done_now
        Phases in which this process did work; empty when all was done before.
    recorded
        Phases whose events this process has appended.
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

    def folder(self, kind: str) -> str:
        """Return the address of one of the run's folders: models, predictions, attempts or rejects."""
        return self.session.store.uri(self.job.name, kind, str(self.run_date), self.run_id)

    def table(self, step: str) -> TableName:
        """Name one of the run's tables in the runs dataset."""
        digest = self.run_id.rsplit("-", 1)[-1]
        return self.session.warehouse.run_table(f"{self.job.name}__{self.run_date:%Y%m%d}__{digest}__{step}")

    def labels(self, phase: str) -> dict[str, str]:
        """Return the labels of the run's BigQuery jobs and tables."""
        return {"job": self.job.name, "run_id": self.run_id, "phase": phase}

    @property
    def void_uri(self) -> str:
        """Address of the object that says that this run can never be done: its snapshot lacks the data."""
        return f"{self.folder('attempts')}/void.json"

    def void(self, reason: str) -> None:
        """Give this run up: the next attempt claims a new generation, with a new snapshot."""
        self.session.store.put_json_once({"reason": reason}, self.void_uri)

    def unrecorded(self, phase: str, events: Sequence[Event]) -> list[Event]:
        """Return the events of a phase that the ledger lacks.

        Artefacts that stood before are looked at as well: an attempt may have ended between artefact and event.
        """
        if phase in self.done_now:
            return list(events)
        known = {(row["phase"], row["variant"], row["model_id"]) for row in self._events()}
        return [event for event in events if (phase, event.variant, event.model_id) not in known]

    def record(self, phase: str, events: Sequence[Event]) -> None:
        """Append the events of a phase that the ledger lacks."""
        if phase not in self.recorded:
            self.ledger.record(self.run_date, self.run_id, self.unrecorded(phase, events))
            self.recorded.add(phase)

    def _events(self) -> list[dict[str, Any]]:
        return [row for row in self.ledger.events(self.run_date, self.run_date) if row["run_id"] == self.run_id]

    @property
    def ledger(self) -> Ledger:
        """The job's ledger."""
        return Ledger(self.session, self.job.name)


def open_run(session: Session, job: Job, run_date: date, *, rerun: bool = False) -> Run:
    """Claim the run of a job for a run date, or join the one that was claimed before.

    The claim is an object that is created once and names snapshot and champion; whoever comes later uses them.

    Parameters
    ----------
    rerun
        Claim a new generation, whatever was done before.

    Raises
    ------
    RequestError
        A newer generation with another definition exists: this one is superseded.
    """
    ensure_tables(session, job)
    definition = run_definition(job, session.catalogue)
    claims = _claims(session, job, run_date)
    if claims and not rerun:
        newest = _run(session, job, run_date, claims[-1])
        if claims[-1]["definition"] != digest_json(definition):
            _refuse_superseded(claims, definition)
        elif session.store.read_json(newest.void_uri) is None:
            return newest
    claim = _claim(session, job, run_date, definition, generation=claims[-1]["generation"] + 1 if claims else 1)
    if claim["definition"] != digest_json(definition):
        return open_run(session, job, run_date)
    return _run(session, job, run_date, claim)


def refuse_superseded(run: Run) -> None:
    """Raise when a newer generation of the run date was claimed since this run was opened.

    A claim made between this look and the statement that publishes is not seen; its run publishes after this one.
    """
    newest = _claims(run.session, run.job, run.run_date)[-1]
    if newest["generation"] > run.generation:
        raise RequestError(
            f"{run.run_id} is superseded by {newest['run_id']}", hint="nothing was published by this run"
        )


def _claims_folder(session: Session, job: Job, run_date: date) -> str:
    return session.store.uri(job.name, "attempts", str(run_date), "generations/")


def _claims(session: Session, job: Job, run_date: date) -> list[dict[str, Any]]:
    found = session.store.list(_claims_folder(session, job, run_date))
    return [session.store.read_json(item.uri) for item in found]


def _refuse_superseded(claims: list[dict[str, Any]], definition: dict[str, Any]) -> None:
    if digest_json(definition) in [claim["definition"] for claim in claims]:
        newest = claims[-1]["run_id"]
        raise RequestError(f"this run is superseded by {newest}", hint="add --rerun to publish this definition again")


def _claim(session: Session, job: Job, run_date: date, definition: dict[str, Any], generation: int) -> dict[str, Any]:
    start = Ledger(session, job.name).run_start(run_date)
    value = {
        "run_id": run_id_of(job, run_date, definition, generation),
        "generation": generation,
        "definition": digest_json(definition),
        "defines": definition,
        "snapshot_at": start["snapshot_at"].isoformat(),
        "champion": start["champion"],
    }
    uri = f"{_claims_folder(session, job, run_date)}{generation:06d}.json"
    claim: dict[str, Any] = session.store.put_json_once(value, uri)
    return claim


def _run(session: Session, job: Job, run_date: date, claim: dict[str, Any]) -> Run:
    return Run(
        session=session,
        job=job,
        run_date=run_date,
        as_of=as_of(run_date, job.spec.time_zone, job.spec.as_of_offset_minutes),
        run_id=claim["run_id"],
        generation=claim["generation"],
        snapshot_at=datetime.fromisoformat(claim["snapshot_at"]),
        champion=claim["champion"],
    )
