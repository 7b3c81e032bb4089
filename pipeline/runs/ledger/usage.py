"""BigQuery's clock, by which ages are measured, and a meter of seconds, jobs and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.base.pricing import cost_of
from pipeline.base.progress import Stopwatch
from pipeline.runs.ledger.statements import clock_statement
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Clock:
    """A reading of BigQuery's clock.

    Parameters
    ----------
    moment
        Its present moment.
    ahead
        Least number of seconds by which this machine's clock is ahead; negative if it is behind; 0 if no difference
        shows.
    """

    moment: datetime
    ahead: float


def read_clock(session: Session) -> Clock:
    """Return the present moment of BigQuery, compared with this machine's clock."""
    before = datetime.now(UTC)
    row = session.warehouse.rows(clock_statement(session, before))[0]
    after, moment = datetime.now(UTC), row["moment"]
    if row["is_ahead"]:
        return Clock(moment, (before - moment).total_seconds())
    return Clock(moment, min(0.0, (after - moment).total_seconds()))


def added(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sum of the details of two meters."""
    statements = {name: list(numbers) for name, numbers in first["statements"].items()}
    for name, numbers in second["statements"].items():
        before = statements.get(name, (0, 0))
        statements[name] = [number + more for number, more in zip(before, numbers, strict=True)]
    return {
        "bytes": first["bytes"] + second["bytes"],
        "slot_ms": first["slot_ms"] + second["slot_ms"],
        "cost": None if first["cost"] is None else first["cost"] + second["cost"],
        "jobs": [*first["jobs"], *second["jobs"]],
        "statements": statements,
    }


class Meter(Stopwatch):
    """Seconds and jobs since it was made, and the cost of all statements that no event has reported yet.

    A statement that is sent between two events counts with the second. So the events of a command add up to all that
    it was billed for, except for statements after its last event.

    Parameters
    ----------
    session
        Its warehouse records the jobs; its target may have a price of bytes.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._jobs_before = len(session.warehouse.spending.jobs)

    def details(self) -> dict[str, Any]:
        """Return jobs, bytes, slot milliseconds, cost (None without a price) and the bytes by statement.

        `statements` holds the number of times that each statement was sent, and its billed bytes. The next call does
        not count the same statements again.
        """
        spending = self._session.warehouse.spending
        spent, jobs = spending.take(), spending.jobs[self._jobs_before :]
        size = sum(item.size for item in spent)
        times, sizes = Counter(item.statement for item in spent), Counter[str]()
        for item in spent:
            sizes[item.statement] += item.size
        return {
            "bytes": size,
            "slot_ms": sum(item.slot_ms for item in spent),
            "cost": cost_of(size, self._session.target.price_per_tib),
            "jobs": jobs,
            "statements": {name: [count, sizes[name]] for name, count in times.items()},
        }
