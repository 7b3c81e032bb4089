from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.emulators.json_values import CONVERTERS, Refused, standard_type

NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
TAKEN = [
    ("STRING", "", ""),
    ("INT64", 2**63 - 1, 2**63 - 1),
    ("INT64", "-9223372036854775808", -(2**63)),
    ("FLOAT64", 1, 1.0),
    ("FLOAT64", "1e3", 1000.0),
    ("FLOAT64", "-Infinity", float("-inf")),
    ("BOOL", True, True),
    ("BOOL", "False", False),
    ("DATE", "2013-07-01", date(2013, 7, 1)),
    ("TIMESTAMP", "2013-07-01T12:00:00Z", NOON),
    ("TIMESTAMP", "2013-07-01 12:00:00", NOON),
    ("TIMESTAMP", "2013-07-01 12:00:00 UTC", NOON),
    ("TIMESTAMP", "2013-07-01T08:00-04:00", NOON),
    ("TIMESTAMP", "2013-07-01", datetime(2013, 7, 1, tzinfo=UTC)),
    ("TIMESTAMP", 1372680000, NOON),
    ("NUMERIC", 1.5, Decimal("1.5")),
    ("NUMERIC", "99999999999999999999999999999.999999999", Decimal("99999999999999999999999999999.999999999")),
]
REFUSED = [
    ("STRING", 3, "Could not convert value to string."),
    ("STRING", {"a": 1}, "Could not convert value to string."),
    ("INT64", "x", "Could not convert value 'string_value: \"x\"' to integer."),
    ("INT64", 2**63, "Could not convert value to integer."),
    ("INT64", 1.0, "Could not convert value to integer."),
    ("INT64", True, "Could not convert value to integer."),
    ("FLOAT64", "1_0", "Could not convert value 'string_value: \"1_0\"' to double."),
    ("FLOAT64", "x", "Could not convert value 'string_value: \"x\"' to double."),
    ("FLOAT64", True, "Could not convert value to double."),
    ("FLOAT64", [1.0], "Could not convert value to double."),
    ("BOOL", 1, "Could not convert value to boolean."),
    ("BOOL", "yes", "Could not convert value 'string_value: \"yes\"' to boolean."),
    ("DATE", "2013-02-30", "Couldn't convert value to date: Could not parse '2013-02-30' as a date."),
    ("DATE", "20130701", "Couldn't convert value to date: Could not parse '20130701' as a date."),
    ("DATE", 20130701, "Couldn't convert value to date: Could not parse '20130701' as a date."),
    ("TIMESTAMP", "AA", "Couldn't convert value to timestamp: Could not parse 'AA' as a timestamp."),
    ("TIMESTAMP", "2013-07-01T25:00:00Z", "Couldn't convert value to timestamp: "),
    ("TIMESTAMP", "2013-07-01T12:00:00.123456789Z", "Couldn't convert value to timestamp: "),
    ("TIMESTAMP", 1372680000000, "Couldn't convert value to timestamp: "),  # milliseconds: the year 45468
    ("TIMESTAMP", True, "Couldn't convert value to timestamp: "),
    ("NUMERIC", 1e29, "Invalid NUMERIC value: 1e"),
    ("NUMERIC", "0.1234567891", "Invalid NUMERIC value: 0.1234567891"),
    ("NUMERIC", "NaN", "Invalid NUMERIC value: NaN"),
    ("NUMERIC", "x", "Invalid NUMERIC value: x"),
    ("NUMERIC", True, "Invalid NUMERIC value: true"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), TAKEN)
def test_value_that_bigquery_takes(kind, value, expected):
    converted = CONVERTERS[kind](value)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(("kind", "value", "message"), REFUSED)
def test_value_that_bigquery_refuses(kind, value, message):
    with pytest.raises(Refused) as refused:
        CONVERTERS[kind](value)
    assert str(refused.value).startswith(message)


def test_legacy_names_of_types_are_understood():
    names = ["INTEGER", "float", "BOOLEAN", "DATE"]
    assert [standard_type(name) for name in names] == ["INT64", "FLOAT64", "BOOL", "DATE"]
