"""What a stretch of work takes: seconds, the jobs that it sent, and the bytes of its statements."""

from __future__ import annotations

from typing import Any

from pipeline.progress import Stopwatch
from pipeline.session import Session

TEBIBYTE = 2**40


class Meter(Stopwatch):
    """Seconds, jobs and bytes since it was made.

    Parameters
    ----------
    session
        Its warehouse counts the bytes of all statements and keeps the ids of jobs; its target may name their price.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._before = session, session.warehouse.bytes
        self._jobs_before = len(session.warehouse.jobs)

    @property
    def details(self) -> dict[str, Any]:
        """Jobs and bytes so far, and their cost in the currency of the target's price; None where there is no price."""
        size, price = self._session.warehouse.bytes - self._before, self._session.target.price_per_tib
        cost = None if price is None else size / TEBIBYTE * price
        return {"bytes": size, "cost": cost, "jobs": self._session.warehouse.jobs[self._jobs_before :]}
