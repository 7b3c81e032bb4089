"""What a command did, as people and scripts read it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any


@dataclass
class Summary:
    """The one object that `--json` writes to stdout.

    Parameters
    ----------
    status
        `done`, or `already_done` when there was nothing left to do.
    models
        variant, model_id and uri of each model.
    tables, uris
        What was made, by name.
    rows, seconds
        For each phase; a phase that was done before has rows, but no seconds.
    evaluated
        run_date, metrics (rows of the metric contract) and verdict of each evaluated run date.
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

    def as_json(self) -> str:
        """Return the summary as one JSON object."""
        return json.dumps(asdict(self), indent=1, default=str)

    def as_line(self) -> str:
        """Return the summary as one line for people."""
        done_before = self.status == "already_done"
        worked = {name: rows for name, rows in self.rows.items() if name in self.seconds}
        words = [] if done_before else [f"{name} {rows:,} rows" for name, rows in worked.items()]
        words += [f"evaluated {item['run_date']}{_decided(item.get('verdict'))}" for item in self.evaluated]
        what = "already done" if done_before else "done"
        seconds = sum(self.seconds.values())
        subject = f"{self.job} {self.run_date}" if self.run_date else self.job
        return f"{subject}: {what}" + "".join(f", {word}" for word in words) + f" ({seconds:.1f} s)"


def _decided(verdict: str | None) -> str:
    return f" ({verdict})" if verdict == "promote" else ""
