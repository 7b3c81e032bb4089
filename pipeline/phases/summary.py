"""The summary of a command, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from pipeline.errors import readable
from pipeline.runs.artefacts.failed_variants import error_of
from pipeline.runs.run import FailedVariant


@dataclass
class Summary:
    """What a command did: the object that `--json` writes to stdout.

    Parameters
    ----------
    status
        `done`, or `already_done` when nothing was left to do.
    models
        variant, model_id and uri of each model.
    rows, seconds
        By phase; phases that were done before have rows only.
    evaluated
        run_date, metrics (rows of the metric contract) and verdict of each evaluated run date.
    failed
        Variants that failed while the others went on.
    """

    job: str
    run_date: date | None
    run_id: str | None
    status: str = "done"
    models: list[dict[str, str]] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    uris: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    evaluated: list[dict[str, Any]] = field(default_factory=list)
    failed: list[FailedVariant] = field(default_factory=list)

    def as_json(self) -> str:
        """Return the summary as one JSON object."""
        failed = [{**asdict(failure), "reason": readable(failure.reason)} for failure in self.failed]
        return json.dumps(asdict(self) | {"failed": failed}, indent=1, default=str)

    def as_line(self) -> str:
        """Return the summary as one line for people."""
        parts = ["already done"]
        if self.status != "already_done":
            parts = ["done", *(f"{phase} {rows:,} rows" for phase, rows in self.rows.items() if phase in self.seconds)]
        for evaluation in self.evaluated:
            promoted = " (promote)" if evaluation.get("verdict") == "promote" else ""
            parts.append(f"evaluated {evaluation['run_date']}{promoted}")
        if self.failed:
            names = ", ".join(f"{failure.variant} in {failure.phase}" for failure in self.failed)
            parts.append(f"failed: {names}")
        subject = f"{self.job} {self.run_date}" if self.run_date else self.job
        return f"{subject}: {', '.join(parts)} ({sum(self.seconds.values()):.1f} s)"


def refuse_failed_variants(summaries: Iterable[Summary]) -> None:
    """Raise the error of the first variant that failed.

    Raises
    ------
    RequestError, CheckError
        A variant failed; the exit code is that of its error.
    """
    for summary in summaries:
        for failure in summary.failed:
            raise error_of(failure)
