"""Types and tables, as the analyzer knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import zetasql.types as z
from zetasql.api import TypeFactory

from pipeline.operate.sql.cost import partition_of
from pipeline.operate.sql.memory import Made
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


Typed = tuple[str, z.Type]
"""A column and its type, whichever GoogleSQL has."""


NAMES = {kind: name for name, kind in KINDS.items()}


def zetasql_table(name: str, schema: Schema) -> z.SimpleTable:
    """Return a table as the analyzer knows it."""
    return typed_table(name, [(column.name, zetasql_type(column.type)) for column in schema.columns])


def typed_table(name: str, columns: Iterable[Typed]) -> z.SimpleTable:
    """Return a table of columns of any type."""
    return z.SimpleTable(name=name, column=[z.SimpleColumn(name=column, type=kind) for column, kind in columns])


def zetasql_type(declared: DeclaredType | str) -> z.Type:
    """Return a declared type as the analyzer knows it."""
    if isinstance(declared, str):
        return TypeFactory.create_simple_type(KINDS[declared])
    element = declared[0]
    if isinstance(element, str):
        return TypeFactory.create_array_type(zetasql_type(element))
    fields = [(name, zetasql_type(kind)) for name, kind in element.items()]
    return TypeFactory.create_array_type(TypeFactory.create_struct_type(fields))


def type_name(kind: z.Type) -> str:
    """Return the name of a type, as headers declare it where they can."""
    return NAMES.get(kind.type_kind, str(kind.type_kind.name).removeprefix("TYPE_"))


def scalar_function(name: str, signature: z.FunctionSignature) -> z.Function:
    """Return a function of typed arguments.

    Options of the arguments are left out: those that a statement does not state come back as zeros,
    and as bounds of values they would refuse every literal but 0.
    """
    plain = replace(signature, argument=[replace(argument, options=None) for argument in signature.argument])
    return z.Function(name_path=[name], group="UDF", mode=z.FunctionEnums.Mode.SCALAR, signature=[plain])


def message_of(model: z.SimpleTable | z.Function) -> bytes:
    """Return a table or function as a message that can be kept."""
    message: bytes = model.to_proto().SerializeToString(deterministic=True)
    return message


def made_by(resolved: Any, partitions: Mapping[str, str]) -> Made | None:
    """Return the table, view or function that a statement makes.

    Parameters
    ----------
    partitions
        Columns by which the tables that it reads are partitioned.
    """
    if not hasattr(resolved, "name_path"):
        return None
    name = resolved.name_path[0]
    if isinstance(resolved, z.ResolvedCreateFunctionStmt):
        return Made.of(name, message_of(scalar_function(name, resolved.signature)), is_function=True)
    table = typed_table(name, columns_of(resolved))
    return Made.of(name, message_of(table), partition=partition_of(resolved, partitions))


def columns_of(resolved: Any) -> list[Typed]:
    """Return the columns of a result or of the table that is made."""
    if isinstance(resolved, z.ResolvedQueryStmt | z.ResolvedCreateViewStmt):
        return [(column.name, column.column.type) for column in resolved.output_column_list]
    if isinstance(resolved, z.ResolvedCreateTableStmtBase):
        return [(column.name, column.type) for column in resolved.column_definition_list]
    return []


def wrong_function(resolved: Any) -> str | None:
    """Say what is wrong with a function: it has to be kept, typed, and plain SQL."""
    if not isinstance(resolved, z.ResolvedCreateFunctionStmt):
        return None
    if resolved.language.upper() != "SQL":
        return f"a function in {resolved.language}: write it in SQL"
    if resolved.create_scope != z.ResolvedCreateStatementEnums.CreateScope.CREATE_DEFAULT_SCOPE:
        return "a temporary function: CREATE OR REPLACE FUNCTION makes one that stays"
    kinds = (argument.kind for argument in resolved.signature.argument)
    if any(kind != z.SignatureArgumentKind.ARG_TYPE_FIXED for kind in kinds):
        return "an argument of any type: name its type"
    return None
