"""Rows of the ledger, grouped once and looked up from then on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
Rows = list[Row]


def grouped(rows: Iterable[Row], *columns: str) -> dict[Any, Rows]:
    """Return rows by their value of a column, or by their values of several, in the order in which they came."""
    found: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        found[row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns)].append(row)
    return dict(found)
