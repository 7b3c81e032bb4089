"""The comment header of a SQL file: description, parameters with types, identifiers, columns and checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from pipeline.base.strict_yaml import Strict, in_words, parse_yaml
from pipeline.errors import RequestError
from pipeline.rows.schema import DeclaredColumns, Schema
from pipeline.sql.checks import Check

INT64 = range(-(2**63), 2**63)
HEADER = re.compile(r"\A/\*\n(.*?)\*/\n", re.DOTALL)

ParameterType = Literal["INT64", "FLOAT64", "STRING", "BOOL", "DATE", "TIMESTAMP", "NUMERIC"]
ParameterName = Annotated[
    str,
    StringConstraints(
        pattern=in_words(r"^[A-Za-z_][A-Za-z0-9_]{0,127}$", "a parameter's name: letters, digits, _, no digit first")
    ),
]
Struct = Annotated[dict[ParameterName, ParameterType], Field(min_length=1)]
One = Field(min_length=1, max_length=1)
DeclaredType = ParameterType | Annotated[list[ParameterType], One] | Annotated[list[Struct], One]
"""A type, an array of it (`[STRING]`), or an array of structs (`[{name: STRING, ...}]`)."""

IdentifierKind = Literal["table", "function", "column", "columns", "query", "expression", "expressions", "name"]


def fits(value: Any, declared: DeclaredType | Mapping[str, Any]) -> bool:
    """Tell whether a value has a declared type, before BigQuery would say so; None is NULL of any type."""
    if value is None:
        return True
    if isinstance(declared, list):
        return isinstance(value, list | tuple) and all(fits(item, declared[0]) for item in value)
    if isinstance(declared, Mapping):
        is_struct = isinstance(value, Mapping) and set(value) <= set(declared)
        return is_struct and all(fits(value.get(name), kind) for name, kind in declared.items())
    return _is_scalar(value, declared)


def _is_scalar(value: Any, declared: str) -> bool:
    if declared == "BOOL" or isinstance(value, bool):
        return declared == "BOOL" and isinstance(value, bool)
    if declared == "INT64":
        return isinstance(value, Integral) and int(value) in INT64
    if declared in ("FLOAT64", "NUMERIC"):
        return isinstance(value, Real | Decimal)
    if declared == "TIMESTAMP":
        return isinstance(value, datetime) and value.tzinfo is not None
    if declared == "DATE":
        return isinstance(value, date) and not isinstance(value, datetime)
    return isinstance(value, str)


class Metric(Strict):
    """A metric of a family, the direction in which it is better, and how days are pooled.

    Parameters
    ----------
    pooled
        What, weighted by n, gives the metric of several days as one set: the mean of the days, or its root mean square.
        None where neither does, as for AUC.
    """

    better: Literal["higher", "lower", "neither"]
    pooled: Literal["mean", "root_mean_square"] | None = None


class Calibration(Strict):
    """The metrics of a family that set predictions against what happened.

    Parameters
    ----------
    predicted, actual
        Names of the metrics: mean of the predictions, mean of the labels.
    unit
        Unit of both: a share, from 0 to 1, or that of the label.
    """

    predicted: str
    actual: str
    unit: Literal["share", "label"]


class Header(Strict):
    """The header of a SQL file.

    Parameters
    ----------
    description
        What the statement returns or makes.
    parameters
        Query parameters and their types.
    identifiers
        Places of the body that hold identifiers, with their kinds: a table (or view), a function, one column, a list of
        columns, a query (another asset, rendered in parentheses), an expression (another asset that is part of a
        statement), expressions (a list of them, each with a name), or a name (a checked name as a string literal, for
        views, which take no parameters).
    columns
        Columns of the result with their types, in order; empty for a statement that returns no rows.
    checks
        Data checks on the rows of the result, made as soon as they are a table.
    form
        A statement, or a part of one: a condition on rows, an aggregate, or a value of each row.
    defaults
        Default values of parameters.
    metrics
        Metrics of a family, by name; `{k}` in a name is replaced by the parameter `k`, or by each value of `ks`.
    calibration
        For a metric family: the metrics that set predictions against what happened.
    judges
        For a metric family: what its n counts, in the singular.
    types
        For a metric family: types that it can judge, of `label` and of predicted columns.
    prediction_checks
        For a metric family: data checks on the predictions; `checks` are about the labels.
    changes
        What each version changed.
    """

    description: str
    parameters: dict[ParameterName, DeclaredType] = {}
    identifiers: dict[str, IdentifierKind] = {}
    columns: DeclaredColumns = {}
    checks: list[Check] = []
    form: Literal["statement", "condition", "aggregate", "value"] = "statement"
    defaults: dict[ParameterName, Any] = {}
    metrics: dict[str, Metric] = {}
    calibration: Calibration | None = None
    judges: str = "row"
    types: dict[str, list[ParameterType]] = {}
    prediction_checks: list[Check] = []
    changes: dict[str, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _checks_fit_columns(self) -> Header:
        types = {column.name: column.type for column in Schema.parse(self.columns).columns}
        for check in (*self.checks, *self.prediction_checks):
            if misfit := check.misfit(types):
                raise ValueError(f"checks: {check.kinds[0]}: {misfit}")
        return self


def split_header(text: str, *, origin: str) -> tuple[Header, str, int]:
    """Return the header of a SQL file, its body, and the line on which the body begins.

    Raises
    ------
    RequestError
        The header is missing or does not parse; the message names file and line.
    """
    match = HEADER.match(text)
    if not match:
        raise RequestError(f"{origin}:1: no comment header", hint="start the file with /* and YAML, see docs/sql.md")
    header = parse_yaml(match.group(1), Header, origin=origin, first_line=2)
    rest = text[match.end() :]
    first_line = text.count("\n", 0, match.end() + len(rest) - len(rest.lstrip())) + 1
    return header, rest.strip() + "\n", first_line
