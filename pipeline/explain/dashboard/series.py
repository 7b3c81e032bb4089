"""Rows of the dashboard's views, and their compact form in the page: series of numbers over run dates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

Row = Mapping[str, Any]
Rows = Sequence[Row]
Coded = dict[str, Any]
"""A series as the page holds it."""

T = TypeVar("T")

DIGITS = 4
"""Significant digits of a number of typical size."""


@dataclass(frozen=True)
class PageRows:
    """Everything that the page shows; each list holds rows of the view `dashboard_<name>`.

    Parameters
    ----------
    made_at
        When the rows were read.
    headline
        Metrics for decisions, the most important first; if empty, all metrics.
    source
        Dataset of the views, e.g. `project.dataset`.
    pooled
        How the values of days make that of all days, by metric: `mean` or `root_mean_square`, weighted by n.
    calibration_pair
        `predicted` and `actual`: metrics that set predictions against what happened; and their `unit`.
    judges
        What n of a metric counts, in the singular.
    """

    job: str
    made_at: datetime
    description: str = ""
    headline: Sequence[str] = ()
    source: str = ""
    pooled: Mapping[str, str] = field(default_factory=dict)
    calibration_pair: Mapping[str, str] = field(default_factory=dict)
    judges: str = "row"
    latest: Rows = field(default=(), repr=False)
    history: Rows = field(default=(), repr=False)
    slices: Rows = field(default=(), repr=False)
    calibration: Rows = field(default=(), repr=False)
    comparison: Rows = field(default=(), repr=False)
    drift: Rows = field(default=(), repr=False)
    runs: Rows = field(default=(), repr=False)

    @property
    def dates(self) -> list[date]:
        """All run dates of the rows, sorted."""
        views = (self.history, self.slices, self.calibration, self.comparison, self.drift, self.runs)
        return sorted({row["run_date"] for rows in views for row in rows})


class Names(dict[str, int]):
    """Texts with their numbers, in the order of these: the page holds each text once."""

    def number(self, text: str) -> int:
        """Return the number of a text, a new one for a new text."""
        return self.setdefault(text, len(self))


def finite(value: Any) -> float | None:
    """Return a number as a float; None for NaN and infinity, which JSON lacks."""
    return float(value) if value is not None and math.isfinite(value) else None


def decimals_of(values: Iterable[Any]) -> int:
    """Return the decimals, 0 to 15, with which numbers of this size have four significant digits.

    The smallest number counts, unless it is less than a 10,000th of the largest one.
    """
    sizes = [abs(number) for number in map(finite, values) if number]
    if not sizes:
        return DIGITS
    largest = max(sizes)
    if all(size.is_integer() for size in sizes) and largest > 1:
        return 0
    smallest = min(size for size in sizes if size >= largest / 10**DIGITS)
    return min(max(DIGITS - 1 - math.floor(math.log10(smallest)), 0), 15)


def version_of(row: Row) -> str:
    """Return the name and digest of the SQL that made a row; an empty text if the row names none."""
    return f"{row['sql_version']} {row['sql_digest']}" if row.get("sql_version") else ""


class SeriesCoder:
    """Turns rows into series.

    Parameters
    ----------
    dates
        All run dates, sorted; a series holds the position of its first one.
    names
        Collects the texts.
    """

    def __init__(self, dates: Sequence[date], names: Names) -> None:
        self._places, self._names = {day: place for place, day in enumerate(dates)}, names

    def code(
        self,
        rows: Rows,
        key: Sequence[str],
        scaled: Sequence[str],
        *,
        bounds: Sequence[str] = (),
        plain: Sequence[str] = (),
        texts: Sequence[str] = (),
        decimals: Mapping[str, int] | None = None,
    ) -> list[Coded]:
        """Return a series for each key and SQL version.

        Parameters
        ----------
        key
            Text columns that tell series apart, stored as numbers of names.
        scaled
            Numeric columns of similar size, stored as integers: the rounded product with 10 to the power of `decimals`.
        bounds
            Numeric columns like those, stored as differences to the first one, which have fewer digits.
        plain
            Numeric columns, stored with six significant digits.
        texts
            Text columns that are mostly empty, stored as spans of run dates: first position, last position, text.
        decimals
            Decimals for each value of the key's first column; by default found for each series.
        """
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault((*(str(row[name] or "") for name in key), version_of(row)), []).append(row)
        series = []
        for group, members in groups.items():
            by_place = {self._places[row["run_date"]]: row for row in members}
            days = [by_place.get(place) for place in range(min(by_place), max(by_place) + 1)]
            own = (decimals or {}).get(group[0], decimals_of(row[name] for row in members for name in scaled[:1]))
            series.append(
                {
                    **{name: self._names.number(text) for name, text in zip((*key, "version"), group, strict=True)},
                    "decimals": own,
                    "start": min(by_place),
                    "days": len(days),
                    **_scaled_columns(days, own, scaled, bounds),
                    **{name: shorter(_column(days, name, _plain)) for name in plain},
                    **{name: self._spans(by_place, name) for name in texts},
                }
            )
        return series

    def _spans(self, by_place: Mapping[int, Row], name: str) -> list[list[int]]:
        """Return spans of positions with the same text: first, last, text."""
        spans: list[list[int]] = []
        for place, row in sorted(by_place.items()):
            if row[name] in (None, "", False):
                continue
            number = self._names.number(str(row[name]))
            if spans and spans[-1][1:] == [place - 1, number]:
                spans[-1][1] = place
            else:
                spans.append([place, place, number])
        return spans


def shorter(column: list[Any]) -> Any:
    """Return a column as one number if all its numbers are equal."""
    return column[0] if column[0] is not None and column == column[:1] * len(column) else column


def _column(days: Sequence[Row | None], name: str, as_number: Callable[[Any], T | None]) -> list[T | None]:
    return [None if row is None else as_number(row[name]) for row in days]


def _scaled_columns(days: Sequence[Row | None], decimals: int, scaled: Sequence[str], bounds: Sequence[str]) -> Coded:
    def as_integer(value: Any) -> int | None:
        number = finite(value)
        product = None if number is None else finite(number * 10.0**decimals)
        return None if product is None else round(product)

    columns = {name: _column(days, name, as_integer) for name in (*scaled, *bounds)}
    first = columns[scaled[0]]
    for name in bounds:
        pairs = zip(columns[name], first, strict=True)
        columns[name] = [None if bound is None or value is None else bound - value for bound, value in pairs]
    return {name: shorter(column) for name, column in columns.items()}


def _plain(value: Any) -> float | int | None:
    number = finite(value)
    if number is None:
        return None
    return int(number) if number.is_integer() else float(f"{number:.6g}")
