"""Who is champion where nobody was, or where the champion is no variant of the job any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.project.project import Job
from pipeline.runs.artefacts.predictions import Manifest
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.publications import published
from pipeline.runs.run import Run
from pipeline.runs.session import Session


def lacks_champion(session: Session, job: Job, run_date: date) -> bool:
    """Tell whether a run of this date names a champion: nobody is one for it, or one that is no variant any more."""
    in_force = Ledger(session, job.name).run_start(run_date)["champion"]
    return in_force not in {variant.id for variant in job.variants}


def name_champion(run: Run, manifests: Sequence[Manifest]) -> None:
    """Make the job's first variant champion from this run date on, if consumers would read nothing otherwise.

    Where it takes the place of a variant that is gone, that one stays champion of the other run dates that it served.
    """
    variant = run.job.variants[0].id
    start = run.ledger.run_start(run.run_date)
    in_force, known = start["champion"], {candidate.id for candidate in run.job.variants}
    if start["named_first"]:  # an attempt may have ended between decision and verdict; a verdict is appended once
        run.ledger.record_verdict(run.run_date, in_force, "first", "first")
    if in_force in known or variant not in {manifest.variant for manifest in manifests}:
        return
    if in_force:
        _replace(run, in_force, variant)
    elif run.ledger.decide_champion(variant, run.run_date, "first"):
        run.ledger.record_verdict(run.run_date, variant, "first", "first")


def _replace(run: Run, gone: str, variant: str) -> None:
    """Name the new champion last: what is cut short before that is done again, and readers lose nothing meanwhile."""
    for run_date in _others_served(run, gone):
        run.ledger.decide_champion(gone, run_date, f"{variant} was made for {run.run_date} only so far")
    reason = f"{gone} is no variant of the job any more"
    run.ledger.record_verdict(run.run_date, variant, "replace", reason)
    run.ledger.decide_champion(variant, run.run_date, reason)


def _others_served(run: Run, gone: str) -> list[date]:
    """Return from which other run dates on a variant has to be named, so that what it is read for stays: at most two.

    The first champion stands for earlier run dates too, without a decision of their own.
    """
    next_date = run.run_date + timedelta(days=1)
    rows = published(run.session, run.job, EARLIEST, LATEST)
    served = [row["run_date"] for row in rows if row["variant"] == gone]
    earlier = served[:1] if served and served[0] < run.run_date else []
    later = [next_date] if any(day >= next_date for day in served) else []
    return [day for day in (*earlier, *later) if run.ledger.run_start(day)["champion"] == gone]
