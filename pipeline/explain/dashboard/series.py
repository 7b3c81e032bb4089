"""What the page is made of: rows of the seven views, and the names that frame them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

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


DIGITS = 4
"""Significant digits of a number of typical size."""


Series = dict[str, Any]


T = TypeVar("T")


class Names:
    """Texts by number: each stands in the page once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text."""
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]


def finite(value: Any) -> float | None:
    """Return a number, or None for what is none: JSON has no infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def decimals_of(values: Iterable[Any]) -> int:
    """Return with how many decimals numbers of this size have four significant digits, 0 to 15.

    The smallest number counts, unless it is less than the largest one's 10,000th part.
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
    """Name the SQL that made a row."""
    return f"{row['sql_version']} {row['sql_digest']}" if row.get("sql_version") else ""


class SeriesCoder:
    """Makes series of rows.

    Parameters
    ----------
    dates
        All run dates; a series names the place of its first one.
    names
        Where texts are kept.
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
    ) -> list[Series]:
        """Return a series for each key and SQL version.

        Parameters
        ----------
        key
            Columns of text that tell series apart; they stand in the series as numbers of names.
        scaled
            Columns of numbers of one size; they are rounded and stand in the series as whole numbers, to be divided by
            10 to the power of its `decimals`.
        bounds
            Columns like those; they stand as differences to the first one, which have fewer digits.
        plain
            Columns of numbers that stand as they are.
        texts
            Columns of text that most rows lack; they stand as spans of run dates: first place, last place, text.
        decimals
            Decimals for each value of the key's first column; found for each series when not given.
        """
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault((*(str(row[name] or "") for name in key), version_of(row)), []).append(row)
        coded = []
        for found, members in groups.items():
            own = (decimals or {}).get(found[0], decimals_of(row[name] for row in members for name in scaled[:1]))
            numbers = {name: self._names.number(text) for name, text in zip(key, found, strict=False)}
            series = numbers | {"version": self._names.number(found[-1]), "decimals": own}
            by_place = {self._places[row["run_date"]]: row for row in members}
            days = [by_place.get(place) for place in range(min(by_place), max(by_place) + 1)]
            series |= {"start": min(by_place), "days": len(days)}
            series |= _scaled_columns(days, own, scaled, bounds)
            series |= {name: shorter(_column(days, name, _plain)) for name in plain}
            coded.append(series | {name: self._said(by_place, name) for name in texts})
        return coded

    def _said(self, by_place: Mapping[int, Row], name: str) -> list[list[int]]:
        """Return spans of places with one text: first, last, text."""
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
    """Return a column as one number where it holds nothing else."""
    return column[0] if column[0] is not None and column == column[:1] * len(column) else column


def _column(days: Sequence[Row | None], name: str, as_number: Callable[[Any], T | None]) -> list[T | None]:
    return [None if row is None else as_number(row[name]) for row in days]


def _scaled_columns(days: Sequence[Row | None], decimals: int, scaled: Sequence[str], bounds: Sequence[str]) -> Series:
    found = {name: _column(days, name, lambda value: _scaled(value, decimals)) for name in (*scaled, *bounds)}
    first = found[scaled[0]]
    for name in bounds:
        pairs = zip(found[name], first, strict=True)
        found[name] = [None if bound is None or value is None else bound - value for bound, value in pairs]
    return {name: shorter(column) for name, column in found.items()}


def _scaled(value: Any, decimals: int) -> int | None:
    number = finite(value)
    product = None if number is None else finite(number * 10.0**decimals)
    return None if product is None else round(product)


def _plain(value: Any) -> float | int | None:
    number = finite(value)
    if number is None:
        return None
    return int(number) if number.is_integer() else float(f"{number:.6g}")
