"""Names a champion if a job has none, or if the champion is no longer a variant of the job."""

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
    """Tell whether a run of this date names a champion, because none or a removed variant is in force."""
    return Ledger(session, job.name).run_start(run_date)["champion"] not in job.variant_ids


def name_champion(run: Run, manifests: Sequence[Manifest]) -> None:
    """Make the job's first variant champion from this run date on, if consumers would read nothing otherwise.

    If it replaces a removed variant, that one stays champion of the other run dates for which it has predictions.
    """
    variant = run.job.variants[0].id
    start = run.ledger.run_start(run.run_date)
    in_force = start["champion"]
    if start["named_first"]:  # an attempt may have ended between decision and verdict; a verdict is appended once
        run.ledger.record_verdict(run.run_date, in_force, "first", "first")
    if in_force in run.job.variant_ids or variant not in {manifest.variant for manifest in manifests}:
        return
    if in_force:
        _replace(run, in_force, variant)
    elif run.ledger.decide_champion(variant, run.run_date, "first"):
        run.ledger.record_verdict(run.run_date, variant, "first", "first")


def _replace(run: Run, removed: str, variant: str) -> None:
    """Replace a removed champion. The new one is named last, so an interrupted attempt is repeated without a gap."""
    for run_date in _other_dates(run, removed):
        run.ledger.decide_champion(removed, run_date, f"{variant} was made for {run.run_date} only so far")
    reason = f"{removed} is no longer a variant of the job"
    run.ledger.record_verdict(run.run_date, variant, "replace", reason)
    run.ledger.decide_champion(variant, run.run_date, reason)


def _other_dates(run: Run, removed: str) -> list[date]:
    """Return the run dates from which a removed variant must be named again to stay champion of others: at most two.

    The first champion also holds for earlier run dates, without a decision for them.
    """
    next_date = run.run_date + timedelta(days=1)
    rows = published(run.session, run.job, EARLIEST, LATEST)
    served = [row["run_date"] for row in rows if row["variant"] == removed]
    earlier = served[:1] if served and served[0] < run.run_date else []
    later = [next_date] if any(day >= next_date for day in served) else []
    return [day for day in (*earlier, *later) if run.ledger.run_start(day)["champion"] == removed]
