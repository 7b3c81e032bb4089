"""Verdicts of the gate, found by run date, and by the comparison that led to them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import date

from pipeline.lineage.rows import Row, Rows, grouped

JUDGED = ("keep", "too-few-labels")
"""Verdicts of the gate that change nothing; the others are decisions."""


class Verdicts:
    """Verdicts about the variants of a job, in the order in which they are looked for."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        ordered = sorted(rows, key=lambda row: row["run_date"])
        of_gate = [row for row in ordered if _of_gate(row)]
        self._dates = grouped(ordered, "run_date")
        self._pairs = grouped(of_gate, "champion", "challenger", "run_date")
        self._closing = grouped((row for row in of_gate if _closes(row)), "champion", "challenger")

    def on(self, run_date: date) -> Rows:
        """Return the verdicts of a run date."""
        return self._dates.get(run_date, [])

    def led_to(self, compared: Row) -> Iterator[Row]:
        """Return the verdicts that a comparison led to: that of its own run date, and that which closed its window.

        A window of days is closed by a verdict with a difference; those before it say that labels are too few.
        """
        pair, day = (compared["champion"], compared["challenger"]), compared["run_date"]
        for row in self._pairs.get((*pair, day), []):
            yield row
            if _closes(row):
                return
        closing = self._closing.get(pair, [])
        after = bisect_left(closing, day, key=lambda row: row["run_date"])
        yield from closing[after : after + 1]


def _closes(row: Row) -> bool:
    return row["difference"] is not None


def _of_gate(row: Row) -> bool:
    """Tell whether the gate said it: what is decided by hand stands on no comparison."""
    return row["verdict"] in JUDGED or _closes(row)
