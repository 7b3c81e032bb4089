"""Who is champion where nobody was, or where the champion is no variant of the job any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pipeline.manifest import Manifest
from pipeline.published import published
from pipeline.runs import Run

FAR = date(9999, 12, 31)


def name_champion(run: Run, manifests: Sequence[Manifest]) -> None:
    """Make the job's first variant champion from this run date on, if consumers would read nothing otherwise.

    Where it takes the place of a variant that is gone, that one stays champion of the later run dates that it served.
    """
    variant = run.job.variants[0].id
    in_force = run.ledger.run_start(run.run_date)["champion"]
    known = {candidate.id for candidate in run.job.variants}
    if in_force in known or variant not in {manifest.variant for manifest in manifests}:
        return
    reason = f"{in_force} is no variant of the job any more" if in_force else "first"
    if not run.ledger.decide_champion(variant, run.run_date, reason):
        return
    run.ledger.record_verdict(run.run_date, variant, "replace" if in_force else "first", reason)
    if in_force and _serves_later(run, in_force):
        next_date = run.run_date + timedelta(days=1)
        run.ledger.decide_champion(in_force, next_date, f"{variant} was made for {run.run_date} only so far")


def _serves_later(run: Run, variant: str) -> bool:
    """Tell whether a variant is what consumers read on later run dates."""
    table = run.session.warehouse.table(run.job.predictions_table)
    next_date = run.run_date + timedelta(days=1)
    if run.ledger.run_start(next_date)["champion"] not in (variant, run.job.variants[0].id):
        return False
    return any(row["variant"] == variant for row in published(run.session, table, next_date, FAR))
