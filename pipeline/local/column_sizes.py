"""Logical sizes of columns, as BigQuery documents them: what a query is billed by."""

from __future__ import annotations

from bqemulator.catalog.models import TableFieldSchema

from pipeline.local.json_values import standard_type

BYTES_OF_TYPE = {
    "BOOL": 1,
    **dict.fromkeys(("INT64", "FLOAT64", "DATE", "DATETIME", "TIME", "TIMESTAMP"), 8),
    **dict.fromkeys(("NUMERIC", "INTERVAL"), 16),
    "BIGNUMERIC": 32,
}
"""Bytes of a value; NULL has none."""

LENGTH_BYTES = 2
"""What STRING and BYTES take beside their content."""


def size_expression(field: TableFieldSchema) -> str:
    """Return a sum in DuckDB's SQL: the bytes of a column. What has no type above counts by its text."""
    name, size = f'"{field.name}"', BYTES_OF_TYPE.get(standard_type(field.type))
    is_array = field.mode == "REPEATED"
    if size is not None:
        return f"{size} * {f'SUM(LEN({name}))' if is_array else f'COUNT({name})'}"
    if is_array:
        return f"SUM(STRLEN(CAST({name} AS VARCHAR)))"
    length = f"OCTET_LENGTH({name})" if standard_type(field.type) == "BYTES" else f"STRLEN(CAST({name} AS VARCHAR))"
    return f"SUM({LENGTH_BYTES} + {length})"
