"""Converts schemas, query parameters and settings of the target into the classes of the BigQuery client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud import bigquery

from pipeline.cloud.bigquery.billing_labels import as_labels, job_labels
from pipeline.project.target import Target
from pipeline.rows.schema import Column, Schema
from pipeline.sql import Statement
from pipeline.sql.header import DeclaredType

Parameter = bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter


def query_parameters(statement: Statement) -> list[Parameter]:
    """Return the parameters of a statement, with the types of its header."""
    return [_parameter(name, kind, statement.values[name]) for name, kind in statement.types.items()]


def _parameter(name: str, declared: DeclaredType, value: Any) -> Parameter:
    if isinstance(declared, str):
        return bigquery.ScalarQueryParameter(name, declared, value)
    element = declared[0]
    if isinstance(element, str):
        return bigquery.ArrayQueryParameter(name, element, value)
    fields = (bigquery.ScalarQueryParameterType(kind, name=field) for field, kind in element.items())
    row_type = bigquery.StructQueryParameterType(*fields)  # an empty array needs its type
    return bigquery.ArrayQueryParameter(name, row_type, [_struct(element, row) for row in value])


def _struct(fields: Mapping[str, str], row: Mapping[str, Any]) -> bigquery.StructQueryParameter:
    values = (bigquery.ScalarQueryParameter(name, kind, row.get(name)) for name, kind in fields.items())
    return bigquery.StructQueryParameter(None, *values)


def schema_fields(schema: Schema) -> list[bigquery.SchemaField]:
    """Return a schema as fields of BigQuery."""
    return [bigquery.SchemaField(c.name, c.type, mode="REQUIRED" if c.required else "NULLABLE") for c in schema.columns]


def schema_of(fields: Iterable[bigquery.SchemaField]) -> Schema:
    """Return the schema of BigQuery's fields, where some types have an older name."""
    return Schema.parse(
        {field.name: f"{_type_of(field)}{' NOT NULL' if field.mode == 'REQUIRED' else ''}" for field in fields}
    )


def result_columns(fields: Iterable[bigquery.SchemaField]) -> Schema:
    """Return BigQuery's fields as columns, also those of types that frames do not have."""
    return Schema(tuple(Column(field.name, _type_of(field)) for field in fields))


def _type_of(field: bigquery.SchemaField) -> str:
    """Return the GoogleSQL type of a field."""
    kind = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}.get(field.field_type, field.field_type)
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else str(kind)


NO_SQL = {"sql_version": "load"}
"""Billing labels of jobs without SQL."""


def query_config(target: Target, statement: Statement, *, is_limited: bool = True) -> bigquery.QueryJobConfig:
    """Return the configuration of a query job, with the target's limit of billed bytes unless `is_limited` is False."""
    sql = {"sql_version": statement.asset.name, "sql_digest": statement.digest}
    config = bigquery.QueryJobConfig(
        query_parameters=query_parameters(statement),
        labels=_labels(target, sql),
        priority=target.priority,
        use_query_cache=False,
        job_timeout_ms=target.job_timeout * 1000,
    )
    if target.maximum_bytes_billed and is_limited:
        config.maximum_bytes_billed = target.maximum_bytes_billed
    if target.reservation:
        config.reservation = target.reservation
    return config


def load_config(target: Target, schema: Schema) -> bigquery.LoadJobConfig:
    """Return the configuration of a job that replaces a table by the rows of JSON Lines files.

    Loads are free in the shared slots, so they get no priority, no limit of bytes and no reservation.
    """
    return bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
        schema=schema_fields(schema),
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        labels=_labels(target, NO_SQL),
        job_timeout_ms=target.job_timeout * 1000,
    )


def _labels(target: Target, sql: dict[str, str]) -> dict[str, str]:
    return as_labels({**target.labels, "pipeline": "1", **sql, **job_labels()})
