"""What the page is made of: rows of the seven views, and the names that frame them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True)
class PageRows:
    """Everything that the page shows; each list holds rows of the view `dashboard_<name>`.

    Parameters
    ----------
    job
        Name of the job.
    description
        What the job is about, in a sentence.
    made_at
        When the rows were read.
    headline
        Metrics that people decide by, the most important first; all that there are when empty.
    source
        Where the views are, e.g. `project.dataset`.
    """

    job: str
    made_at: datetime
    description: str = ""
    headline: Sequence[str] = ()
    source: str = ""
    latest: Rows = field(default=(), repr=False)
    history: Rows = field(default=(), repr=False)
    slices: Rows = field(default=(), repr=False)
    calibration: Rows = field(default=(), repr=False)
    comparison: Rows = field(default=(), repr=False)
    drift: Rows = field(default=(), repr=False)
    runs: Rows = field(default=(), repr=False)

    @property
    def dates(self) -> list[date]:
        """Every run date of the rows, sorted."""
        views = (self.history, self.slices, self.calibration, self.comparison, self.drift, self.runs)
        return sorted({row["run_date"] for rows in views for row in rows})
