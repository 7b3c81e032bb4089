"""Schemas and query parameters in the words of the BigQuery client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud import bigquery

from pipeline.schemas import Schema
from pipeline.sql_assets import Statement
from pipeline.sql_assets.header import DeclaredType

Parameter = bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter


def query_parameters(statement: Statement) -> list[Parameter]:
    """Return the statement's parameters, typed as its header says."""
    return [_parameter(name, kind, statement.values[name]) for name, kind in statement.types.items()]


def _parameter(name: str, declared: DeclaredType, value: Any) -> Parameter:
    if isinstance(declared, str):
        return bigquery.ScalarQueryParameter(name, declared, value)
    element = declared[0]
    if isinstance(element, str):
        return bigquery.ArrayQueryParameter(name, element, value)
    fields = (bigquery.ScalarQueryParameterType(kind, name=field) for field, kind in element.items())
    row_type = bigquery.StructQueryParameterType(*fields)  # without it, an empty array has no type
    return bigquery.ArrayQueryParameter(name, row_type, [_struct(element, row) for row in value])


def _struct(fields: Mapping[str, str], row: Mapping[str, Any]) -> bigquery.StructQueryParameter:
    values = (bigquery.ScalarQueryParameter(name, kind, row.get(name)) for name, kind in fields.items())
    return bigquery.StructQueryParameter(None, *values)


def schema_fields(schema: Schema) -> list[bigquery.SchemaField]:
    """Return a schema as BigQuery declares it."""
    return [bigquery.SchemaField(c.name, c.type, mode="REQUIRED" if c.required else "NULLABLE") for c in schema.columns]


def schema_of(fields: Iterable[bigquery.SchemaField]) -> Schema:
    """Return the columns that BigQuery declares; some types have an older name there."""
    return Schema.parse(
        {field.name: f"{_type_of(field)}{' NOT NULL' if field.mode == 'REQUIRED' else ''}" for field in fields}
    )


def _type_of(field: bigquery.SchemaField) -> str:
    kind = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}.get(field.field_type, field.field_type)
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else str(kind)
