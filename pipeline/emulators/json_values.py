"""Conversion of JSON values to column types as in BigQuery's load jobs, with its messages for refused values.

Where BigQuery's behaviour is not known for certain the conversion is strict: a value that passes here passes there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

INT64 = range(-(2**63), 2**63)

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

TIMESTAMP = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?P<time>[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?(?P<zone> ?UTC|Z|[+-]\d{2}:?\d{2})?"
)

NUMERIC_LIMIT = Decimal(10) ** 29

LEGACY_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


class Refused(ValueError):
    """A value that a column of this type does not accept."""


def standard_type(name: str) -> str:
    """Return the GoogleSQL name of a type; clients also send the legacy names."""
    return LEGACY_TYPES.get(name.upper(), name.upper())


def text(value: object) -> str:
    """Return a value as BigQuery quotes it in messages."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _no_conversion(value: object, kind: str) -> Refused:
    quoted = f" 'string_value: \"{value}\"'" if isinstance(value, str) else ""
    return Refused(f"Could not convert value{quoted} to {kind}.")


def _no_parse(value: object, kind: str, required: str) -> Refused:
    message = f"Couldn't convert value to {kind}: Could not parse '{text(value)}' as a {kind}."
    return Refused(f"{message} Required format is {required}")


def integer(value: object) -> int:
    """Return an integer, from a number or a string: integers beyond 2^53 are sent as strings.

    Raises
    ------
    Refused
        It is not an integer of 64 bits.
    """
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value):
        value = int(value)
    if type(value) is not int or value not in INT64:
        raise _no_conversion(value, "integer")
    return value


def floating(value: object) -> float:
    """Return a float, from a number or a string; `"NaN"` and `"Infinity"` are allowed as strings only.

    Raises
    ------
    Refused
        It is not a number.
    """
    if isinstance(value, str) and "_" not in value:
        try:
            return float(value)
        except ValueError:
            raise _no_conversion(value, "double") from None
    if isinstance(value, bool | str) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _no_conversion(value, "double")
    return float(value)


def boolean(value: object) -> bool:
    """Return a boolean, from true or false, quoted or not.

    Raises
    ------
    Refused
        It is neither.
    """
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _no_conversion(value, "boolean")
    return value


def string(value: object) -> str:
    """Return a string.

    Raises
    ------
    Refused
        It is not a string; BigQuery does not convert numbers.
    """
    if not isinstance(value, str):
        raise _no_conversion(value, "string")
    return value


def calendar_date(value: object) -> date:
    """Return a date, from YYYY-MM-DD.

    Raises
    ------
    Refused
        It is not written so, or not a date of the calendar.
    """
    try:
        if isinstance(value, str) and DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _no_parse(value, "date", "YYYY-MM-DD")


def timestamp(value: object) -> datetime:
    """Return a moment, from a string in UTC or with an offset, with up to microseconds, or from seconds since 1970.

    Raises
    ------
    Refused
        It is neither.
    """
    try:
        if isinstance(value, str) and (match := TIMESTAMP.fullmatch(value)):
            day, time, zone = match["day"], match["time"] or "T00:00", match["zone"] or "Z"
            return datetime.fromisoformat(day + time + zone.strip().replace("UTC", "Z")).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise _no_parse(value, "timestamp", "YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or YYYY/MM/DD HH:MM[:SS[.SSSSSS]]")


def numeric(value: object) -> Decimal:
    """Return a decimal, from a number or a string.

    Raises
    ------
    Refused
        It is not a number, or has more than 29 digits before the point or 9 after it.
    """
    try:
        number = Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    # neither abs() nor round(): they work with 28 digits
    if number is None or not number.is_finite() or number.copy_abs() >= NUMERIC_LIMIT or _decimals(number) > 9:
        raise Refused(f"Invalid NUMERIC value: {text(value)}")
    return number


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


CONVERTERS: dict[str, Callable[[object], Any]] = {
    "STRING": string,
    "INT64": integer,
    "FLOAT64": floating,
    "BOOL": boolean,
    "DATE": calendar_date,
    "TIMESTAMP": timestamp,
    "NUMERIC": numeric,
}
