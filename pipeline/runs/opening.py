"""Claims a run, or joins one that was claimed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from pipeline.base.digests import digest_json
from pipeline.errors import RequestError, SqlError
from pipeline.project.project import Job
from pipeline.runs.artefacts.examples_statements import examples_statement
from pipeline.runs.claims import Claim, claims_of, make_claim
from pipeline.runs.identity import run_definition
from pipeline.runs.publications import published
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables


def open_run(session: Session, job: Job, run_date: date, *, rerun: bool = False) -> Run:
    """Claim the run of a job for a run date, or join the one that was claimed with the same definition.

    Later attempts use the snapshot and the champion in the claim.

    Parameters
    ----------
    rerun
        Claim a new generation, even if the definition was claimed before.

    Raises
    ------
    RequestError
        A newer generation with another definition is published: this one is superseded.
    SqlError
        BigQuery refuses the job's SQL; nothing is claimed then.
    """
    ensure_tables(session, job)
    claims = claims_of(session, job, run_date)
    run = None if rerun else own_run(session, job, run_date, claims)
    if run is not None:
        return run
    definition = run_definition(job, session.catalogue)
    generation = claims[-1].generation + 1 if claims else 1
    check = partial(_refuse_broken_sql, session, job, run_date)
    claim = make_claim(session, job, run_date, definition, generation, check)
    if claim.definition != digest_json(definition):
        return open_run(session, job, run_date, rerun=rerun)
    return run_of(session, job, run_date, claim)


def _refuse_broken_sql(session: Session, job: Job, run_date: date, claim: Claim) -> None:
    """Let BigQuery check the statement that makes the examples, without running it."""
    try:
        session.warehouse.dry_run(examples_statement(run_of(session, job, run_date, claim)))
    except SqlError:
        raise
    except RequestError:
        return  # a source that does not exist: preprocess says how to load it


def join_run(session: Session, job: Job, run_date: date) -> Run:
    """Join the run that was claimed with the job's present definition; nothing is claimed.

    Raises
    ------
    RequestError
        There is no such run, or it is superseded.
    """
    ensure_tables(session, job)
    claims = claims_of(session, job, run_date)
    run = own_run(session, job, run_date, claims)
    if run is None:
        other = f"; {claims[-1].run_id} has another definition" if claims else ""
        message = f"{job.name} {run_date}: nothing was done with this SQL, configuration and code{other}"
        raise RequestError(message, hint="run train first")
    return run


def refuse_superseded(run: Run) -> None:
    """Raise if a newer generation of the run date was published since this run was opened.

    The statement that publishes checks again, so a run that is published after this check is not replaced either.

    Raises
    ------
    RequestError
        A newer generation is published.
    """
    newer = published_after(run, claims_of(run.session, run.job, run.run_date))
    if newer:
        raise RequestError(f"{run.run_id} is superseded by {newer.run_id}", hint="nothing was published by this run")


def own_run(session: Session, job: Job, run_date: date, claims: Sequence[Claim]) -> Run | None:
    """Return the newest run of the job's present definition among claims, unless it is void; nothing is claimed.

    Raises
    ------
    RequestError
        It is superseded.
    """
    definition = digest_json(run_definition(job, session.catalogue))
    own = [claim for claim in claims if claim.definition == definition]
    if not own:
        return None
    run = run_of(session, job, run_date, own[-1])
    newer = published_after(run, claims)
    if newer:
        message = f"{job.name} {run_date}: this run is superseded by {newer.run_id}"
        raise RequestError(message, hint="add --rerun to publish this definition again")
    return run if session.store.read_json(run.layout.void) is None else None


def published_after(run: Run, claims: Sequence[Claim]) -> Claim | None:
    """Return the newest later generation that is published; an unpublished one does not supersede this run."""
    later = [claim for claim in claims if claim.generation > run.generation]
    if not later:
        return None
    run_ids = {row["run_id"] for row in published(run.session, run.job, run.run_date, run.run_date)}
    # Readers see nothing of a publication without rows: all of them may have been rejected, and that was allowed.
    events = (row for row in run.ledger.events(run.run_date, run.run_date) if row["event"] == "published")
    run_ids |= {row["run_id"] for row in events if not row["row_count"]}
    return next((claim for claim in reversed(later) if claim.run_id in run_ids), None)


def run_without_claim(session: Session, job: Job, run_date: date, run_id: str, generation: int = 0) -> Run:
    """Return a run whose claim is gone: only its names can be used, and its snapshot is a placeholder."""
    moment = job.as_of(run_date)
    return Run(session, job, run_date, moment, run_id, generation, snapshot_at=moment, champion=None)


def run_of(session: Session, job: Job, run_date: date, claim: Claim) -> Run:
    """Return the run of a claim; nothing is read."""
    claimed = {"version": claim.defines["prediction_version"], "shards": claim.defines["shards"]}
    predictions = job.spec.predictions.model_copy(update=claimed)
    return Run(
        session=session,
        job=replace(job, spec=job.spec.model_copy(update={"predictions": predictions})),
        run_date=run_date,
        as_of=job.as_of(run_date),
        run_id=claim.run_id,
        generation=claim.generation,
        snapshot_at=datetime.fromisoformat(claim.snapshot_at),
        champion=claim.champion,
    )
