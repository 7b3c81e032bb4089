"""What a stretch of work takes: seconds, the jobs that it sent, and what statements cost."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.money import cost_of
from pipeline.progress import Stopwatch
from pipeline.session import Session


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
