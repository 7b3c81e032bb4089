"""Which run dates are worked on at a time, in which order they begin, and when no more begin."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import date

from pipeline.errors import PipelineError
from pipeline.phases.backfill.starters import Start
from pipeline.summary import Summary

Outcome = Summary | PipelineError

LOOK_SECONDS = 0.5
"""How long to wait at a time: polars takes Ctrl-C first, after which a wait goes on, and we have to wake up for it."""


class Dates:
    """Run dates on their way.

    Parameters
    ----------
    most
        How many are worked on at a time.
    max_failures
        How many may fail before no other begins.
    goes_alone
        Tells of the next date whether no other one may be worked on beside it.
    """

    def __init__(
        self, days: Sequence[date], *, most: int, max_failures: int, goes_alone: Callable[[date], bool]
    ) -> None:
        self._waiting, self._running = deque(days), dict[Future[Summary], date]()
        self._most, self._max_failures, self._goes_alone = most, max_failures, goes_alone
        self._failures, self._is_alone = 0, False

    def work(self, start: Start, outcome: Callable[[date, Future[Summary]], Outcome]) -> dict[date, Outcome]:
        """Work on the dates until all are done or too many have failed, and return what became of those that began."""
        found: dict[date, Outcome] = {}
        while True:
            while self._may_begin():
                day = self._waiting.popleft()
                self._running[start(day)] = day
            if not self._running:
                return found
            for future in wait(self._running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
                day = self._running.pop(future)
                found[day] = outcome(day, future)
                self._failures += isinstance(found[day], PipelineError)

    def _may_begin(self) -> bool:
        if not self._waiting or self._failures >= self._max_failures or len(self._running) >= self._most:
            return False
        if not self._running:
            self._is_alone = False
        if self._is_alone:
            return False
        self._is_alone = self._goes_alone(self._waiting[0])
        return not (self._is_alone and self._running)
