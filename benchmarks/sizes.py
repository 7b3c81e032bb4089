"""How much is measured: by default what fits in some 15 minutes, with --full more, with --small enough for a try."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmarks.

    Parameters
    ----------
    pairs
        Number of alternating measurements of both sides.
    rows
        Rows of what is read, written and judged.
    users
        Users whose lists are judged.
    interactions
        Interactions that item similarity learns from.
    days
        Run dates of the demo.
    is_real
        Whether the demo has its real flights, or the tiny data set.
    growth
        Rows a day, each ten times the one before.
    slices, page_days
        Size of the dashboard page.
    local_dir
        Folder of a local target with the demo; without it one is made.
    """

    pairs: int = 5
    rows: int = 1_000_000
    users: int = 100_000
    interactions: int = 2_000_000
    days: int = 7
    is_real: bool = True
    growth: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    page_days: int = 365
    slices: int = 50
    local_dir: Path | None = None


DEFAULT = Sizes()
FULL = Sizes(growth=(10_000, 100_000, 1_000_000, 10_000_000))
SMALL = Sizes(
    pairs=1, rows=20_000, users=2_000, interactions=2_000_000, days=2, is_real=False, growth=(1_000, 10_000),
    page_days=10, slices=3,
)  # fmt: skip
