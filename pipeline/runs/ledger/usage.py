"""The clock of BigQuery: ages are measured by it, not by this machine's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.base.pricing import cost_of
from pipeline.base.progress import Stopwatch
from pipeline.runs.ledger.statements import clock_statement
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Clock:
    """What BigQuery said of its clock.

    Parameters
    ----------
    moment
        Its present moment.
    ahead
        Seconds by which this machine's clock is ahead at least; negative when it is behind; 0 when no difference shows.
    """

    moment: datetime
    ahead: float


def read_clock(session: Session) -> Clock:
    """Ask BigQuery what time it is."""
    before = datetime.now(UTC)
    found = session.warehouse.rows(clock_statement(session, before))[0]
    after, moment = datetime.now(UTC), found["moment"]
    if found["is_ahead"]:
        return Clock(moment, (before - moment).total_seconds())
    return Clock(moment, min(0.0, (after - moment).total_seconds()))


class Meter(Stopwatch):
    """Seconds and jobs since it was made, and the cost of all that no event has told of yet.

    What is sent between two events, such as the first of them, counts with the second: so the events of a command add
    up to all that it was billed for, but for what comes after its last event.

    Parameters
    ----------
    session
        Its warehouse keeps what jobs took; its target may name the price of bytes.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._jobs_before = len(session.warehouse.spending.jobs)

    def details(self) -> dict[str, Any]:
        """Return jobs, bytes, slot milliseconds and cost (None where there is no price), and the bytes by statement.

        `statements` holds how often each statement was sent and the bytes that were billed for it. What is returned
        is not returned again.
        """
        spending = self._session.warehouse.spending
        spent, jobs = spending.take(), spending.jobs[self._jobs_before :]
        size = sum(each.size for each in spent)
        times, sizes = Counter(each.statement for each in spent), Counter[str]()
        for each in spent:
            sizes[each.statement] += each.size
        return {
            "bytes": size,
            "slot_ms": sum(each.slot_ms for each in spent),
            "cost": cost_of(size, self._session.target.price_per_tib),
            "jobs": jobs,
            "statements": {name: [count, sizes[name]] for name, count in times.items()},
        }
