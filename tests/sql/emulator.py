"""Cases on the BigQuery emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from pipeline.runs.session import Session
from pipeline.runs.tables import function_name, functions
from pipeline.sql import Statement, TableName
from tests.sql.cases import Case
from tests.support.integration_fixtures import reader

Rows = list[dict[str, Any]]


def run(session: Session, case: Case) -> Rows:
    """Fill the tables of a case, carry the statement out and return the rows that it asks about."""
    suffix = uuid4().hex[:10]

    def place(name: str, kind: str) -> TableName:
        return function_name(session, name) if kind == "function" else session.target.run_table(f"{name}_{suffix}")

    for name in case.content.tables:
        _fill(session, case, name, place(name, "table"))
    statement = case.statement(place)
    assert case.content.expect is not None, f"{case.name}: a case needs expect"
    looked_at = case.content.expect.table
    if not looked_at:
        return session.warehouse.rows(statement)
    session.warehouse.execute(statement, step=f"case-{suffix}")
    return _rows(session, f"SELECT * FROM {place(looked_at, 'table').quoted}")


def call(session: Session, case: Case) -> list[Any]:
    """Return the results of a function's calls."""
    name = function_name(session, case.asset.name.removeprefix("udf/"))
    calls = (
        f"{name.quoted}({', '.join(literal(value, None) for value in each.arguments)})" for each in case.content.calls
    )
    return list(_rows(session, "SELECT " + ", ".join(f"{each} AS c{i}" for i, each in enumerate(calls)))[0].values())


def make_functions(session: Session) -> None:
    """Make the project's functions."""
    for each in functions(session):
        session.warehouse.execute(each.statement, step=f"case-{uuid4().hex[:10]}")


def _fill(session: Session, case: Case, name: str, table: TableName) -> None:
    schema, rows = case.schema(name), case.rows(name)
    session.warehouse.tables.create(table, schema)
    if rows:
        types = {column.name: column.type for column in schema.columns}
        values = ", ".join(f"({', '.join(literal(row[key], kind) for key, kind in types.items())})" for row in rows)
        columns = ", ".join(f"`{key}`" for key in types)
        reader(session)(f"INSERT INTO {table.quoted} ({columns}) VALUES {values}")


def _rows(session: Session, sql: str) -> Rows:
    return session.warehouse.rows(Statement(sql, {}, {}, (session.catalogue.get("ledger/verdict_of_v1"),)))


def literal(value: Any, kind: str | None) -> str:
    """A value as GoogleSQL writes it."""
    if value is None:
        return f"CAST(NULL AS {kind})" if kind else "NULL"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
    if isinstance(value, date):
        return f"DATE '{value}'"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS FLOAT64)"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value).upper()


Run = Callable[[Case], Rows]
