"""One run of a job for a run date: its identity, what it fixed when it started, and where its artefacts lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from pipeline.claims import Claim, claims_of, make_claim
from pipeline.digests import digest_json
from pipeline.errors import RequestError
from pipeline.identity import run_definition
from pipeline.ledger import Event, Ledger
from pipeline.project import Job
from pipeline.published import published
from pipeline.session import Session
from pipeline.setup import ensure_tables
from pipeline.sql_assets import TableName
from pipeline.statements.job import as_of_date


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
        return self.session.target.run_table(f"{self.job.name}__{self.run_date:%Y%m%d}__{digest}__{step}")

    def variant_folder(self, kind: str, variant: str) -> str:
        """Return the address of what one variant, by its id, has in a folder of the run."""
        return f"{self.folder(kind)}/{variant.replace('@', '-')}"

    def predictions_table(self, variant: str, model_id: str) -> TableName:
        """Name the run table into which one model's predictions are loaded."""
        return self.table(f"predictions__{variant.replace('@', '_')}__{model_id}")

    def id_map_table(self, variant: str, name: str) -> TableName:
        """Name the run table into which an id<->index table of a variant's model is loaded."""
        return self.table(f"ids__{variant.replace('@', '_')}__{name}")

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
        known = {(row["phase"], row["event"], row["variant"], row["model_id"]) for row in self.events()}
        return [each for each in events if (phase, each.event, each.variant, each.model_id) not in known]

    def record(self, phase: str, events: Sequence[Event]) -> None:
        """Append the events of a phase that the ledger lacks."""
        if phase not in self.recorded:
            self.ledger.record(self.run_date, self.run_id, self.unrecorded(phase, events))
            self.recorded.add(phase)

    def events(self) -> list[dict[str, Any]]:
        """Return what the ledger holds of this run."""
        return [row for row in self.ledger.events(self.run_date, self.run_date) if row["run_id"] == self.run_id]

    @property
    def ledger(self) -> Ledger:
        """The job's ledger."""
        return Ledger(self.session, self.job.name)


def open_run(session: Session, job: Job, run_date: date, *, rerun: bool = False) -> Run:
    """Claim the run of a job for a run date, or join the one that was claimed with the same definition.

    Whoever comes later uses the snapshot and the champion that the claim names.

    Parameters
    ----------
    rerun
        Claim a new generation, whatever was done before.

    Raises
    ------
    RequestError
        A newer generation with another definition is published: this one is superseded.
    """
    ensure_tables(session, job)
    claims = claims_of(session, job, run_date)
    run = None if rerun else _own_run(session, job, run_date, claims)
    if run is not None:
        return run
    definition = run_definition(job, session.catalogue)
    generation = claims[-1].generation + 1 if claims else 1
    claim = make_claim(session, job, run_date, definition, generation)
    if claim.definition != digest_json(definition):
        return open_run(session, job, run_date, rerun=rerun)
    return run_of(session, job, run_date, claim)


def join_run(session: Session, job: Job, run_date: date) -> Run:
    """Join the run that was claimed with the job's present definition; nothing is claimed.

    Raises
    ------
    RequestError
        There is none, or it is superseded.
    """
    ensure_tables(session, job)
    claims = claims_of(session, job, run_date)
    run = _own_run(session, job, run_date, claims)
    if run is None:
        other = f"; {claims[-1].run_id} has another definition" if claims else ""
        what = f"{job.name} {run_date}: nothing was done with this SQL, configuration and code{other}"
        raise RequestError(what, hint="run train first")
    return run


def own_run(session: Session, job: Job, run_date: date) -> Run | None:
    """Return the run that `join_run` would join, or None; nothing is claimed."""
    return _own_run(session, job, run_date, claims_of(session, job, run_date))


def refuse_superseded(run: Run) -> None:
    """Raise when a newer generation of the run date was published since this run was opened.

    The statement that publishes looks again: one that is published after this look is not replaced either.
    """
    newer = published_after(run, claims_of(run.session, run.job, run.run_date))
    if newer:
        raise RequestError(f"{run.run_id} is superseded by {newer.run_id}", hint="nothing was published by this run")


def _own_run(session: Session, job: Job, run_date: date, claims: Sequence[Claim]) -> Run | None:
    """Return the newest run of the job's present definition, unless it is void."""
    definition = digest_json(run_definition(job, session.catalogue))
    own = [claim for claim in claims if claim.definition == definition]
    if not own:
        return None
    run = run_of(session, job, run_date, own[-1])
    newer = published_after(run, claims)
    if newer:
        what = f"{job.name} {run_date}: this run is superseded by {newer.run_id}"
        raise RequestError(what, hint="add --rerun to publish this definition again")
    return run if session.store.read_json(run.void_uri) is None else None


def published_after(run: Run, claims: Sequence[Claim]) -> Claim | None:
    """Return the newest later generation that is published: one that came to nothing is in nobody's way."""
    later = [claim for claim in claims if claim.generation > run.generation]
    if not later:
        return None
    shown = {row["run_id"] for row in published(run.session, run.job, run.run_date, run.run_date)}
    # Of a publication without rows readers see nothing: all of them may have been rejected, and allowed to be.
    of_publications = (row for row in run.ledger.events(run.run_date, run.run_date) if row["event"] == "published")
    shown |= {row["run_id"] for row in of_publications if not row["row_count"]}
    return next((claim for claim in reversed(later) if claim.run_id in shown), None)


def run_without_claim(session: Session, job: Job, run_date: date, run_id: str, generation: int = 0) -> Run:
    """Return a run whose claim is gone: it only names places, and its snapshot is a placeholder."""
    moment = as_of_date(job, run_date)
    return Run(session, job, run_date, moment, run_id, generation, snapshot_at=moment, champion=None)


def run_of(session: Session, job: Job, run_date: date, claim: Claim) -> Run:
    """Return the run of a claim; nothing is looked at."""
    claimed = {"version": claim.defines["prediction_version"], "shards": claim.defines["shards"]}
    predictions = job.spec.predictions.model_copy(update=claimed)
    return Run(
        session=session,
        job=replace(job, spec=job.spec.model_copy(update={"predictions": predictions})),
        run_date=run_date,
        as_of=as_of_date(job, run_date),
        run_id=claim.run_id,
        generation=claim.generation,
        snapshot_at=datetime.fromisoformat(claim.snapshot_at),
        champion=claim.champion,
    )
