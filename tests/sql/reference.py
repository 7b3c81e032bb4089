"""Cases on GoogleSQL's reference implementation, the one that Google tests its engines against."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import zetasql.types as z
from google.protobuf import timestamp_pb2
from zetasql.api import CatalogBuilder
from zetasql.core.exceptions import ServerError
from zetasql.types import proto_model

from pipeline.operate.sql.cache import machine_folder
from pipeline.operate.sql.dialect import bigquery_options
from pipeline.operate.sql.engine import open_service
from pipeline.operate.sql.types import zetasql_table, zetasql_type
from pipeline.sql import Asset, Statement, TableName
from tests.sql.cases import ROOT, Case

CACHE = machine_folder(ROOT / ".local")
PREPARED: dict[Any, Any] = {}
"""Prepared queries of this process."""
_TABLE = "rows_of_"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LACKING = re.compile(r"does not correspond to a DML statement|not (yet )?implemented|[Uu]nsupported")
QUERY = re.compile(r"\ACREATE OR REPLACE (?:TABLE|VIEW) `[^`]+` AS\n(.*)\Z", re.DOTALL)
FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION [^(]+\((.*?)\) RETURNS (\w+) AS \((.*)\)\s*\Z", re.DOTALL)


@dataclass
class Timestamp(proto_model.ProtoModel):
    """A moment: the package reads and writes every message but this one. It takes 1970-01-01 00:00 for NULL."""

    _PROTO_CLASS: ClassVar[type] = timestamp_pb2.Timestamp
    _PROTO_FIELD_MAP: ClassVar[dict[str, dict[str, Any]]] = {
        name: {"proto_field": name, "is_message": False, "is_repeated": False} for name in ("seconds", "nanos")
    }
    seconds: int | None = None
    nanos: int | None = None


proto_model.Timestamp = Timestamp


class Unsupported(Exception):
    """The reference implementation does not carry out this statement."""


def run(case: Case) -> list[dict[str, Any]]:
    """Return the rows that a case asks about."""
    assert case.content.expect is not None, f"{case.name}: a case needs expect"
    statement, looked_at = case.statement(_place), case.content.expect.table
    made = QUERY.match(statement.sql)
    if made or not looked_at:
        return Evaluation(case, statement).query(made.group(1) if made else statement.sql)
    if not statement.sql.startswith("INSERT"):
        raise Unsupported(f"{statement.sql.split('`', maxsplit=1)[0].strip()} is not carried out")
    return case.rows(looked_at) + Evaluation(case, statement).insert(looked_at)


def call(case: Case) -> list[Any]:
    """Return the results of a function's calls."""
    arguments, _, expression = _parsed(case.asset)
    found = []
    for each in case.content.calls:
        values = ", ".join(
            f"CAST({'NULL' if value is None else repr(value)} AS {kind}) AS {name}"
            for value, (name, kind) in zip(each.arguments, arguments, strict=True)
        )
        sql = f"SELECT {expression} AS result FROM (SELECT {values})"
        found.append(Evaluation(case, Statement(sql, {}, {}, ())).query(sql)[0]["result"])
    return found


@dataclass(frozen=True)
class Evaluation:
    """One statement over the tables of a case."""

    case: Case
    statement: Statement

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query.

        Preparing a statement is what takes long, and a prepared query keeps the content of its tables. Therefore the
        tables are common table expressions over parameters, so that all cases of a statement share its preparation.
        """
        names = self.case.content.tables
        kinds = {f"{_TABLE}{n}": [{c.name: c.type for c in self.case.schema(n).columns}] for n in names}
        tables = ", ".join(f"{_place(n, 'table').quoted} AS (SELECT * FROM UNNEST(@{_TABLE}{n}))" for n in names)
        if names:
            sql = f"WITH {tables}{', ' if sql.startswith('WITH') else ' '}{sql.removeprefix('WITH')}"
        rows = [_value(self.case.rows(name), kind) for name, kind in zip(names, kinds.values(), strict=True)]
        values = [z.Parameter(name=name, value=value) for name, value in zip(kinds, rows, strict=True)]
        types = self.statement.types | kinds
        service, key = open_service(CACHE), (sql, repr(types), self.case.asset.name)
        try:
            if key not in PREPARED:
                PREPARED[key] = service.prepare_query(sql=sql, **self._common(types, [])).prepared
            prepared = PREPARED[key]
            answer = service.evaluate_query(
                prepared_query_id=prepared.prepared_query_id, params=self._values() + values
            )
        except ServerError as error:
            raise _known(error) from error
        columns = [(column.name, column.type.type_kind) for column in prepared.columns]
        rows = answer.content.table_data.row if answer.content and answer.content.table_data else []
        return [{n: _python(cell, kind) for (n, kind), cell in zip(columns, row.cell, strict=True)} for row in rows]

    def insert(self, name: str) -> list[dict[str, Any]]:
        """Return the rows that a statement adds to a table."""
        service, common = open_service(CACHE), self._common(self.statement.types, list(self.case.content.tables))
        try:
            prepared = service.prepare_modify(sql=self.statement.sql, **common).prepared
            answer = service.evaluate_modify(prepared_modify_id=prepared.prepared_modify_id, params=self._values())
        except ServerError as error:
            raise _known(error) from error
        columns = [(c.name, zetasql_type(c.type).type_kind) for c in self.case.schema(name).columns]
        return [
            {n: _python(cell, kind) for (n, kind), cell in zip(columns, row.cell, strict=True)}
            for row in answer.content
        ]

    def _common(self, types: dict[str, Any], tables: list[str]) -> dict[str, Any]:
        language = bigquery_options()
        options = z.AnalyzerOptions(
            language_options=language,
            query_parameters=[
                z.AnalyzerOptions.QueryParameter(name=name, type=zetasql_type(kind)) for name, kind in types.items()
            ],
            default_timezone="UTC",
            enabled_rewrites=list(z.ResolvedASTRewrite),
        )
        catalog = CatalogBuilder("c").with_builtin_functions(z.ZetaSQLBuiltinFunctionOptions(language_options=language))
        for name in tables:
            catalog.add_table(zetasql_table(str(_place(name, "table")), self.case.schema(name)))
        built = catalog.build()
        built.custom_function = [_function(function) for function in self.case.asset.functions]
        return {
            "options": options,
            "simple_catalog": built,
            "table_content": {str(_place(name, "table")): self._content(name) for name in tables},
        }

    def _content(self, name: str) -> z.TableContent:
        kinds = {column.name: column.type for column in self.case.schema(name).columns}
        rows = [[_value(row[key], kind) for key, kind in kinds.items()] for row in self.case.rows(name)]
        return z.TableContent(table_data=z.TableData(row=[z.TableData.Row(cell=row) for row in rows]))

    def _values(self) -> list[Any]:
        types = self.statement.types
        return [
            z.Parameter(name=name, value=_value(value, types[name])) for name, value in self.statement.values.items()
        ]


def _known(error: ServerError) -> Exception:
    """Tell what is not implemented from what is wrong."""
    return Unsupported(error.message) if LACKING.search(error.message) else error


def _place(name: str, kind: str) -> TableName:
    return TableName("case-case", "c", name)


def _parsed(asset: Asset) -> tuple[list[tuple[str, str]], str, str]:
    """Arguments, type and expression of a function."""
    found = FUNCTION.match(asset.body)
    assert found is not None, f"{asset.path}: not one expression"
    arguments = [tuple(part.split()) for part in found.group(1).split(",")]
    return [(name, kind) for name, kind in arguments], found.group(2), found.group(3).strip()


def _function(asset: Asset) -> z.Function:
    """A function that the analyzer writes out where it is called."""
    arguments, _, expression = _parsed(asset)
    anything = z.FunctionArgumentType(kind=z.SignatureArgumentKind.ARG_TYPE_ARBITRARY, num_occurrences=1)
    return z.Function(
        name_path=[str(_place(asset.name.removeprefix("udf/"), "function"))],
        group="Templated_SQL_Function",
        mode=z.FunctionEnums.Mode.SCALAR,
        signature=[z.FunctionSignature(argument=[anything] * len(arguments), return_type=anything)],
        parse_resume_location=z.ParseResumeLocation(input=expression, byte_position=0),
        templated_sql_function_argument_name=[name for name, _ in arguments],
    )


def _value(value: Any, kind: Any) -> z.Value:
    if value is None:
        return z.Value()
    if isinstance(kind, list):
        return z.Value(array_value=z.Value.Array(element=[_value(each, kind[0]) for each in value]))
    if isinstance(kind, dict):
        return z.Value(struct_value=z.Value.Struct(field=[_value(value[name], each) for name, each in kind.items()]))
    plain = {"INT64": "int64_value", "FLOAT64": "double_value", "STRING": "string_value", "BOOL": "bool_value"}
    if kind == "DATE":
        return z.Value(date_value=(value - EPOCH.date()).days)
    if kind == "TIMESTAMP":
        seconds, rest = divmod((value - EPOCH) // timedelta(microseconds=1), 10**6)
        return z.Value(timestamp_value=Timestamp(seconds=seconds, nanos=rest * 1000))
    return z.Value(**{plain[kind]: value})


def _python(cell: z.Value, kind: Any) -> Any:
    if kind == z.TypeKind.TYPE_DATE:
        return None if cell.date_value is None else date.fromordinal(EPOCH.date().toordinal() + cell.date_value)
    if kind == z.TypeKind.TYPE_TIMESTAMP:
        at = cell.timestamp_value
        return None if at is None else EPOCH + timedelta(seconds=at.seconds or 0, microseconds=(at.nanos or 0) // 1000)
    names = {
        z.TypeKind.TYPE_INT64: "int64_value",
        z.TypeKind.TYPE_DOUBLE: "double_value",
        z.TypeKind.TYPE_STRING: "string_value",
        z.TypeKind.TYPE_BOOL: "bool_value",
    }
    return getattr(cell, names[kind])
