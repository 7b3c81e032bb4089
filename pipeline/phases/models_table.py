"""Variants and champions of a job, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.phases.models import VariantLine


def variants_table(job: str, variants: Sequence[VariantLine]) -> Table:
    """Return a row for each variant."""
    metric = next((line.metric for line in variants if line.metric), None) or "metric"
    table = Table(box=SIMPLE_HEAD, title=f"{job}: variants", title_justify="left")
    for name in ("variant", "role", "since", "last run date", "model"):
        table.add_column(name, no_wrap=True)
    table.add_column(metric, justify="right")
    table.add_column("of run date", no_wrap=True)
    for line in variants:
        value = "-" if line.value is None else f"{line.value:.4f}"
        cells = (line.champion_since, line.run_date, line.model_id)
        known = ("-" if cell is None else str(cell) for cell in cells)
        table.add_row(line.variant, line.role, *known, value, str(line.metric_run_date or "-"))
    return table


def champion_lines(job: str, spans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return a line for each champion, the oldest first."""
    yield f"{job}: champions" if spans else f"{job}: no champion yet"
    for span in spans:
        decided = f"decided {span['decided_at']:%Y-%m-%d}"
        yield f"  from {span['from_run_date']}  {span['variant']}  {span['reason']} ({decided})"
