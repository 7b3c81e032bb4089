"""Whether a value is of the type that a parameter is declared with: said here, with file and name, before BigQuery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from pipeline.sql_assets.header import DeclaredType

INT64 = range(-(2**63), 2**63)


def fits(value: Any, declared: DeclaredType | Mapping[str, Any]) -> bool:
    """Tell whether a value is of a type; None is NULL of any type."""
    if value is None:
        return True
    if isinstance(declared, list):
        return isinstance(value, list | tuple) and all(fits(each, declared[0]) for each in value)
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
