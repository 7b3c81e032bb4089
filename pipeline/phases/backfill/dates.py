"""What a backfill did, as people and scripts read it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipeline.errors import PipelineError
from pipeline.phases.backfill.starters import Start
from pipeline.phases.summary import Summary


@dataclass(frozen=True)
class Failure:
    """A run date that failed, and why."""

    run_date: date
    error: PipelineError

    def as_row(self) -> dict[str, Any]:
        """Return the failure as `--json` shows it."""
        return {"run_date": str(self.run_date), "error": str(self.error), "exit_code": self.error.exit_code}


@dataclass
class Backfill:
    """What a backfill did of each of its run dates; each stands in one of the lists, in order.

    Parameters
    ----------
    runs
        Dates that are published, whether now or before.
    failed
        Dates that failed; the first of them decides the exit code.
    not_started
        Dates of which nothing was published, because others had failed before.
    seconds
        How long all of it took.
    """

    job: str
    runs: list[Summary] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    not_started: list[date] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        """Return what was done as one JSON object."""
        content = {
            "runs": [json.loads(run.as_json()) for run in self.runs],
            "failed": [failure.as_row() for failure in self.failed],
            "not_started": [str(day) for day in self.not_started],
        }
        return json.dumps(content, indent=1)

    def as_line(self) -> str:
        """Return the counts as one line, with the dates that failed and the first error."""
        before = sum(run.status == "already_done" for run in self.runs)
        failed = f"{len(self.failed)} failed"
        if self.failed:
            dates = ", ".join(str(failure.run_date) for failure in self.failed)
            failed += f" ({dates}; first: {self.failed[0].error.what})"
        counts = f"{len(self.runs) - before} done, {before} already done, {failed}, {len(self.not_started)} not started"
        return f"{self.job} backfill: {counts} ({self.seconds:.1f} s)"


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
