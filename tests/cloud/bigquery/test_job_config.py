from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from google.cloud import bigquery

from pipeline.cloud.bigquery.job_config import query_parameters, schema_fields, schema_of
from pipeline.rows.schema import TYPES, Schema
from pipeline.sql import Statement


def sent(kind, value):
    parameters = query_parameters(Statement("SELECT @p", {"p": kind}, {"p": value}, assets=()))
    return parameters[0].to_api_repr()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("INT64", 2**53 + 1, "9007199254740993"),
        ("STRING", "'; DROP", "'; DROP"),
        ("DATE", date(2013, 7, 1), "2013-07-01"),
        ("FLOAT64", 0.1, 0.1),
    ],
)
def test_values_are_sent_with_their_declared_type(kind, value, text):
    assert sent(kind, value) == {"name": "p", "parameterType": {"type": kind}, "parameterValue": {"value": text}}


def test_moments_are_sent_with_their_zone():
    assert sent("TIMESTAMP", datetime(2013, 7, 1, 4, tzinfo=UTC))["parameterValue"]["value"].endswith("+00:00")


@pytest.mark.parametrize("kind", TYPES)
def test_null_keeps_its_type(kind):
    assert sent(kind, None) == {"name": "p", "parameterType": {"type": kind}, "parameterValue": {"value": None}}


@pytest.mark.parametrize("values", [["a", "b"], []])
def test_arrays_are_sent_with_the_type_of_their_elements(values):
    found = sent(["STRING"], values)
    assert found["parameterType"] == {"type": "ARRAY", "arrayType": {"type": "STRING"}}
    assert found["parameterValue"] == {"arrayValues": [{"value": value} for value in values]}


STRUCT = [{"id": "INT64", "x": "FLOAT64"}]
STRUCT_TYPE = [{"name": "id", "type": {"type": "INT64"}}, {"name": "x", "type": {"type": "FLOAT64"}}]


@pytest.mark.parametrize("rows", [[{"id": 1, "x": 0.5}, {"id": 2}], []], ids=["rows", "no rows"])
def test_rows_are_sent_as_an_array_of_structs(rows):
    found = sent(STRUCT, rows)
    assert found["parameterType"]["type"] == "ARRAY"
    assert found["parameterType"]["arrayType"] == {"type": "STRUCT", "structTypes": STRUCT_TYPE}
    values = [item["structValues"] for item in found["parameterValue"]["arrayValues"]]
    assert [(value["id"]["value"], value["x"]["value"]) for value in values] == [("1", 0.5), ("2", None)][: len(rows)]


def test_schemas_are_declared_with_their_modes():
    fields = schema_fields(Schema.parse({"id": "INT64 NOT NULL", "day": "DATE"}))
    assert [(field.name, field.field_type, field.mode) for field in fields] == [
        ("id", "INT64", "REQUIRED"),
        ("day", "DATE", "NULLABLE"),
    ]


def test_schemas_come_back_as_they_were_declared():
    schema = Schema.parse({kind.lower(): f"{kind} NOT NULL" for kind in TYPES} | {"x": "INT64"})
    assert schema_of(schema_fields(schema)) == schema


def test_older_names_of_types_are_understood():
    fields = [bigquery.SchemaField(name, name) for name in ("INTEGER", "FLOAT", "BOOLEAN")]
    assert [column.type for column in schema_of(fields).columns] == ["INT64", "FLOAT64", "BOOL"]
