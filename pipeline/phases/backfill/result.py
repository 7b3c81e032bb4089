"""What a backfill did, as people and scripts read it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipeline.errors import PipelineError
from pipeline.summary import Summary


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
