"""The order in which a backfill works on its run dates, several at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import date

from pipeline.errors import PipelineError
from pipeline.phases.backfill.starters import Start
from pipeline.phases.summary import Summary

Outcome = Summary | PipelineError
"""The summary of a run date, or the error with which it failed."""

LOOK_SECONDS = 0.5
"""Length of one wait: polars handles Ctrl-C first, and then only a wait that ends lets this process see it."""


class Dates:
    """Run dates of a backfill: waiting, or being worked on.

    Parameters
    ----------
    most
        Largest number of dates that are worked on at the same time.
    max_failures
        Number of failed dates after which no other begins.
    goes_alone
        Tells whether the next date must run alone.
    """

    def __init__(
        self, days: Sequence[date], *, most: int, max_failures: int, goes_alone: Callable[[date], bool]
    ) -> None:
        self._waiting, self._running = deque(days), dict[Future[Summary], date]()
        self._most, self._max_failures, self._goes_alone = most, max_failures, goes_alone
        self._failures, self._is_alone = 0, False

    def work(self, start: Start, outcome: Callable[[date, Future[Summary]], Outcome]) -> dict[date, Outcome]:
        """Work on the dates until all are done or too many have failed; return the outcomes of those that began."""
        outcomes: dict[date, Outcome] = {}
        while True:
            while self._may_begin():
                day = self._waiting.popleft()
                self._running[start(day)] = day
            if not self._running:
                return outcomes
            for future in wait(self._running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
                day = self._running.pop(future)
                outcomes[day] = outcome(day, future)
                self._failures += isinstance(outcomes[day], PipelineError)

    def _may_begin(self) -> bool:
        if not self._waiting or self._failures >= self._max_failures or len(self._running) >= self._most:
            return False
        if not self._running:
            self._is_alone = False
        if self._is_alone:
            return False
        self._is_alone = self._goes_alone(self._waiting[0])
        return not (self._is_alone and self._running)
