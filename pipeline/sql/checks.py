"""Data checks as the header of a SQL file declares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from pipeline.base.strict_yaml import Strict, Unclear

EXACT = 2**53
"""FLOAT64 holds every integer up to this one."""

MOST = 1.7976931348623157e308
"""The largest FLOAT64: a range without a bound ends there."""


NUMBERS = ("INT64", "FLOAT64", "NUMERIC")

KINDS = {int: float, Unclear: str}
"""Kinds of accepted values that count as another."""

KIND_OF_COLUMN = {
    **dict.fromkeys(NUMBERS, ("a number", (int, float))),
    **dict.fromkeys(("STRING", "DATE", "TIMESTAMP"), ("text: put it in quotes", (str,))),
    "BOOL": ("true or false", (bool,)),
}


class AcceptedValues(Strict):
    """The values that a column may have, besides NULL: only texts, only numbers or only booleans."""

    column: str
    values: list[object] = Field(min_length=1)

    @field_validator("values")
    @classmethod
    def _values_are_of_one_kind(cls, values: list[object]) -> list[object]:
        kinds = {KINDS.get(type(value), type(value)) for value in values}
        if len(kinds) > 1 or not kinds <= {str, bool, float}:
            raise ValueError("the values must be only texts, only numbers or only booleans; put dates in quotes")
        if any(type(value) is int and abs(value) > EXACT for value in values):
            raise ValueError(f"FLOAT64 cannot tell a number beyond {EXACT} from its neighbours")
        return values

    @property
    def accepted(self) -> list[Any]:
        """A copy of the values."""
        values = self.values
        return [str(value) if isinstance(value, Unclear) else value for value in values]

    def misfit(self, column_type: str | None) -> str | None:
        """Return why a value cannot be in a column of a type, None if all can; None as type: it is not known."""
        values = self.values
        if column_type is None:
            return next((value.problem for value in values if isinstance(value, Unclear)), None)
        words, kinds = KIND_OF_COLUMN[column_type]
        value = next((value for value in values if not _is_of(value, kinds)), None)
        return None if value is None else f"column {self.column} is {column_type}, and {value} is not {words}"

    @property
    def are_numbers(self) -> bool:
        """Whether the values are numbers."""
        return not isinstance(self.values[0], str | bool)


class Bounds(Strict):
    """Inclusive bounds `min` and `max`, of which one is given."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not self.model_fields_set & {"min", "max"}:
            raise ValueError("neither min nor max is given")
        bounds = self.model_dump()
        if bounds["min"] > bounds["max"]:
            raise ValueError(f"min {bounds['min']} lies above max {bounds['max']}")
        return self


class Range(Bounds):
    """Inclusive bounds of a number; NaN is outside of every range."""

    column: str
    min: float = -MOST
    max: float = MOST


class RowCount(Bounds):
    """Inclusive bounds of the number of rows."""

    min: int = Field(default=0, ge=0)
    max: int = 2**63 - 1


class Check(Strict):
    """One check: exactly one of these keys.

    Parameters
    ----------
    not_null
        Columns that are never NULL.
    unique
        Columns that together identify a row.
    accepted_values, range
        The values that a column may have.
    row_count
        Bounds of the number of rows.
    rate
        Bounds of a column's mean over the rows that have a value.
    """

    not_null: list[str] | None = Field(default=None, min_length=1)
    unique: list[str] | None = Field(default=None, min_length=1)
    accepted_values: AcceptedValues | None = None
    range: Range | None = None
    row_count: RowCount | None = None
    rate: Range | None = None

    @model_validator(mode="after")
    def _is_one_check(self) -> Check:
        if len(self.kinds) != 1:
            raise ValueError(f"a check is exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def kinds(self) -> list[str]:
        """The keys that are set."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    @property
    def columns(self) -> list[str]:
        """The columns that the check reads."""
        rule = self.accepted_values or self.range or self.rate
        return [rule.column] if rule else [*(self.not_null or []), *(self.unique or [])]

    def misfit(self, types: Mapping[str, str]) -> str | None:
        """Return why a check does not suit the type of its column, None if it does or the type is not known."""
        if self.accepted_values:
            return self.accepted_values.misfit(types.get(self.accepted_values.column))
        column = self.columns[0] if self.range or self.rate else ""
        is_number = types.get(column, NUMBERS[0]) in NUMBERS
        return None if is_number else f"column {column} is {types[column]}, and not a number"

    def placed(self, places: Mapping[str, Sequence[str]]) -> Check:
        """Return the check with places such as `{item}` replaced by columns."""
        kind, rule = self.kinds[0], getattr(self, self.kinds[0])
        if isinstance(rule, list):
            return self.model_copy(update={kind: [column for name in rule for column in places.get(name, [name])]})
        changed = {"column": places[rule.column][0]} if getattr(rule, "column", None) in places else {}
        return self.model_copy(update={kind: rule.model_copy(update=changed)})

    @property
    def text(self) -> str:
        """The check in one line, as in its header."""
        rule = getattr(self, self.kinds[0])
        if isinstance(rule, list):
            return f"{self.kinds[0]} {', '.join(rule)}"
        words = (f"{name} {_words(value)}" for name, value in rule.model_dump(exclude_defaults=True).items())
        return f"{self.kinds[0]} {', '.join(word.removeprefix('column ') for word in words)}"


def _is_of(value: object, kinds: tuple[type, ...]) -> bool:
    """Tell whether a value is of one of these kinds; booleans are no numbers, and unclear values only text."""
    return isinstance(value, kinds) and isinstance(value, bool) == (bool in kinds)


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else f"{value}"
