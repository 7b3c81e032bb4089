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


def work_on_dates(
    days: Sequence[date],
    start: Start,
    outcome: Callable[[date, Future[Summary]], Outcome],
    *,
    most: int,
    max_failures: int,
    goes_alone: Callable[[date], bool],
) -> dict[date, Outcome]:
    """Work on run dates until all are done or too many have failed; return the outcomes of those that began.

    Parameters
    ----------
    outcome
        Returns the outcome of a date whose work has ended.
    most
        Largest number of dates that are worked on at the same time.
    max_failures
        Number of failed dates after which no other begins.
    goes_alone
        Tells whether the next date must run alone.
    """
    waiting, running = deque(days), dict[Future[Summary], date]()
    outcomes: dict[date, Outcome] = {}
    failures, is_alone = 0, False
    while True:
        while waiting and failures < max_failures and len(running) < most and not (running and is_alone):
            is_alone = goes_alone(waiting[0])
            if running and is_alone:
                break  # it begins when the others have ended
            day = waiting.popleft()
            running[start(day)] = day
        if not running:
            return outcomes
        for future in wait(running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
            day = running.pop(future)
            outcomes[day] = outcome(day, future)
            failures += isinstance(outcomes[day], PipelineError)
