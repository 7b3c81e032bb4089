"""What a statement makes, and the columns of its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import zetasql.types as z

from pipeline.sql_check.cost import partition_of
from pipeline.sql_check.memory import Made
from pipeline.sql_check.types import Typed, message_of, scalar_function, typed_table


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
