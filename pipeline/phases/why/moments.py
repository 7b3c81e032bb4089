"""When two runs were made, and of which date: circumstances, not definitions."""

from __future__ import annotations

from typing import Any

from pipeline.compare.values import changes_of
from pipeline.dates import as_of
from pipeline.phases.why.group import Group, Pair
from pipeline.phases.why.record import RunRecord


def moments_group(pair: Pair) -> Group:
    """Compare run date, as_of, generation, snapshot and the champion that was in force."""
    a, b = (moments_of(record) for record in pair.sides.values())
    shared = a.keys() & b.keys()
    changes = changes_of({name: a[name] for name in shared}, {name: b[name] for name in shared})
    return Group("moments", list(changes), pair.unclaimed(), decides=False)


def moments_of(record: RunRecord) -> dict[str, Any]:
    """Return what a run's claim fixed; of one whose claim is gone, what its bundles say."""
    claim, day = record.claim, record.name.run_date
    if claim is None:
        known = record.kept.info.run if record.kept.info else {}
        return {"run_date": str(day), **{name: known[name] for name in ("as_of", "snapshot_at") if name in known}}
    moment = as_of(day, claim.defines["time_zone"], claim.defines["as_of_offset_minutes"])
    return {
        "run_date": str(day),
        "as_of": moment.isoformat(),
        "snapshot_at": claim.snapshot_at,
        "generation": claim.generation,
        "champion": claim.champion,
    }
