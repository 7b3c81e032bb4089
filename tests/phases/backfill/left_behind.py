"""The results of a backfill that do not depend on the time of the backfill."""

from __future__ import annotations

from typing import Any

from tests.support.changed_variants import decisions, seen
from tests.support.integration_fixtures import reader

NOT_COMPARED = {"run_id", "model_id", "evaluation_id", "generation", "evaluated_at", "measured_at", "decided_at"}
ROWS = ("flight_delay__predictions_v1", "metrics_v1", "comparisons_v1", "drift_v1")


def left_behind(session) -> dict[str, Any]:
    """Return all rows without times and ids, except those of the gate."""
    return {name: _rows(session, name) for name in ROWS}


def decided(session, job) -> dict[str, Any]:
    """Return verdicts, champions with their first dates, and the variants that consumers see."""
    names = {"verdicts": _rows(session, "verdicts_v1")}
    return names | {"champions": decisions(session, job), "seen": seen(session, job)}


def _rows(session, name: str) -> list[dict[str, Any]]:
    return sorted(map(_compared, reader(session)(f"SELECT * FROM ml.{name}")), key=repr)


def _compared(row):
    # The emulator adds up in any order: the last digits of a metric differ from run to run.
    kept = {name: value for name, value in row.items() if name not in NOT_COMPARED}
    return {name: float(f"{value:.9g}") if isinstance(value, float) else value for name, value in kept.items()}
