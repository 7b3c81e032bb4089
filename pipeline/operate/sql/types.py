"""Types, tables and functions in the form of Google's analyzer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import zetasql.types as z
from zetasql.api import TypeFactory
from zetasql.types import parse_proto

from pipeline.operate.sql.cache import Definition
from pipeline.operate.sql.cost import CREATE_TABLE, field, kind_of, partition_of
from pipeline.rows.schema import Schema
from pipeline.sql.header import DeclaredType

KINDS = {
    "INT64": z.TypeKind.TYPE_INT64,
    "FLOAT64": z.TypeKind.TYPE_DOUBLE,
    "STRING": z.TypeKind.TYPE_STRING,
    "BOOL": z.TypeKind.TYPE_BOOL,
    "DATE": z.TypeKind.TYPE_DATE,
    "TIMESTAMP": z.TypeKind.TYPE_TIMESTAMP,
    "NUMERIC": z.TypeKind.TYPE_NUMERIC,
}
NAMES = {kind: name for name, kind in KINDS.items()}

TypedName = tuple[str, z.Type]
"""Name of a column and its type, which may be any of GoogleSQL."""


def zetasql_type(declared: DeclaredType | str) -> z.Type:
    """Return the analyzer's form of a declared type."""
    if isinstance(declared, str):
        return TypeFactory.create_simple_type(KINDS[declared])
    element = declared[0]
    if isinstance(element, str):
        return TypeFactory.create_array_type(zetasql_type(element))
    fields = [(name, zetasql_type(kind)) for name, kind in element.items()]
    return TypeFactory.create_array_type(TypeFactory.create_struct_type(fields))


def type_name(kind: z.Type) -> str:
    """Return the name of a type: as headers declare it if they can, else GoogleSQL's."""
    return NAMES.get(kind.type_kind, str(kind.type_kind.name).removeprefix("TYPE_"))


def zetasql_table(name: str, schema: Schema) -> z.SimpleTable:
    """Return the analyzer's form of a table."""
    return typed_table(name, [(column.name, zetasql_type(column.type)) for column in schema.columns])


def typed_table(name: str, columns: Iterable[TypedName]) -> z.SimpleTable:
    """Return a table with columns of any type."""
    return z.SimpleTable(name=name, column=[z.SimpleColumn(name=column, type=kind) for column, kind in columns])


def scalar_function(name: str, signature: z.FunctionSignature) -> z.Function:
    """Return a function with typed arguments.

    Options of the arguments are left out: options that a statement does not set come back as zeros, and as bounds of
    values they would refuse every literal but 0.
    """
    plain = replace(signature, argument=[replace(argument, options=None) for argument in signature.argument])
    return z.Function(name_path=[name], group="UDF", mode=z.FunctionEnums.Mode.SCALAR, signature=[plain])


def message_of(model: z.SimpleTable | z.Function) -> bytes:
    """Return a table or function as a message that can be stored."""
    message: bytes = model.to_proto().SerializeToString(deterministic=True)
    return message


def made_by(resolved: Any, partitions: Mapping[str, str]) -> Definition | None:
    """Return the table, view or function that a statement makes.

    Parameters
    ----------
    partitions
        Columns by which the tables that it reads are partitioned.
    """
    kind = kind_of(resolved)
    if not kind.startswith("ResolvedCreate"):
        return None
    name = field(resolved, "name_path")[0]
    if kind == "ResolvedCreateFunctionStmtProto":
        signature = parse_proto(resolved.signature).as_type(z.FunctionSignature)
        return Definition.of(name, message_of(scalar_function(name, signature)), is_function=True)
    table = typed_table(name, columns_of(resolved))
    return Definition.of(name, message_of(table), partition=partition_of(resolved, partitions))


def columns_of(resolved: Any) -> list[TypedName]:
    """Return the columns of a statement's result, or of the table that it makes."""
    kind = kind_of(resolved)
    if kind in {"ResolvedQueryStmtProto", "ResolvedCreateViewStmtProto"}:
        columns = [(column.name, column.column.type) for column in field(resolved, "output_column_list")]
    elif kind in CREATE_TABLE:
        columns = [(column.name, column.type) for column in field(resolved, "column_definition_list")]
    else:
        columns = []
    return [(name, parse_proto(declared).as_type(z.Type)) for name, declared in columns]
