"""What differs between two runs, as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.compare.frames import ColumnDifference, FrameDifference
from pipeline.compare.lines import change_lines, value_text
from pipeline.phases.why.compose import Why
from pipeline.phases.why.content import records
from pipeline.phases.why.metrics import MetricLine
from pipeline.phases.why.rows import RowsCompared


def why_lines(why: Why, shown: int) -> Iterator[str]:
    """Return the lines: a group each, with what differs below.

    Parameters
    ----------
    shown
        How many rows of each difference are shown; all are counted.
    """
    yield f"A {why.a.run_id}"
    yield f"B {why.b.run_id}"
    for group in why.groups:
        yield f"{group.name}: {group.state}"
        for change in group.changes:
            yield from (f"  {line}" for line in change_lines(change))
        yield from _lost(group.lost)
    for rows in why.rows:
        yield f"{rows.name}: {rows.state}"
        if rows.difference:
            yield from _rows(rows, rows.difference, shown)
        yield from _lost(rows.lost)
    yield "metrics:"
    yield from map(_metric, why.metrics.lines)
    yield from _lost(why.metrics.lost)
    yield why.said


def _lost(lost: Sequence[str]) -> Iterator[str]:
    for said in lost:
        yield f"  not compared: {said}"


def _rows(rows: RowsCompared, found: FrameDifference, shown: int) -> Iterator[str]:
    yield f"  in both {found.common:,}, of which {found.changed:,} differ; by {', '.join(rows.key)}"
    for letter, only in (("A", found.only_a), ("B", found.only_b)):
        yield f"  only in {letter} {len(only):,}"
        yield from _keys(only[rows.key], shown)
    for name, column in found.columns.items():
        yield from _column(name, column, shown)
    for letter, names in (("A", found.columns_only_a), ("B", found.columns_only_b)):
        if names:
            yield f"  columns only in {letter}: {', '.join(names)}"
    for name, (a, b) in found.types.items():
        yield f"  type of {name}: {a} -> {b}"
    for letter, count in (("A", found.doubled_a), ("B", found.doubled_b)):
        if count:
            yield f"  not compared: {letter}: {count:,} rows share their key with another one"


def _keys(keys: pd.DataFrame, shown: int) -> Iterator[str]:
    yield from (f"    {_key(key)}" for key in records(keys, shown))
    yield from _more(len(keys), shown)


def _column(name: str, column: ColumnDifference, shown: int) -> Iterator[str]:
    gap = "" if column.largest is None else f", by at most {value_text(column.largest)}"
    yield f"  {name}: {column.count:,} rows differ{gap}"
    for key, pair in zip(records(column.keys, shown), records(column.values, shown), strict=True):
        yield f"    {_key(key)}: {value_text(pair['a'])} -> {value_text(pair['b'])}"
    yield from _more(column.count, shown)


def _more(count: int, shown: int) -> Iterator[str]:
    if count > shown:
        yield f"    ... and {count - shown:,} more: --rows {count} shows all"


def _key(key: Mapping[str, Any]) -> str:
    return " ".join(map(value_text, key.values()))


def _metric(line: MetricLine) -> str:
    gap = "" if line.difference is None else f" ({line.difference:+.4g})"
    only = f", only in {line.only}" if line.only else ""
    return f"  {line.variant} {line.metric} {_number(line.a)} -> {_number(line.b)}{gap}{only}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
