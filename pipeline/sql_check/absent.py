"""What the analyzer knows and BigQuery does not offer, and what a job's own SQL may not use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import zetasql.types as z

from pipeline.sql_check.cost import nodes

ABSENT = frozenset({"iferror", "iserror", "nulliferror", "elementwise_sum", "elementwise_avg", "split_substr"})
"""Functions of GoogleSQL that BigQuery's reference lacks."""

UNREPEATABLE = frozenset(
    {"current_date", "current_datetime", "current_time", "current_timestamp", "rand", "generate_uuid", "session_user"}
)
"""Functions that give something else each time: examples and labels would differ between two attempts."""

ALL_OPERATIONS = {
    z.ResolvedSetOperationScanEnums.SetOperationType.INTERSECT_ALL: "INTERSECT ALL",
    z.ResolvedSetOperationScanEnums.SetOperationType.EXCEPT_ALL: "EXCEPT ALL",
}


def absent_features(resolved: Any, *, repeatable: bool) -> Iterator[str]:
    """Return what a statement uses that BigQuery lacks, or that cannot be repeated.

    Parameters
    ----------
    repeatable
        Whether the statement has to give the same rows each time, as a job's own SQL has.
    """
    for node in nodes(resolved, z.ResolvedFunctionCallBase, z.ResolvedSetOperationScan):
        if isinstance(node, z.ResolvedSetOperationScan):
            if node.op_type in ALL_OPERATIONS:
                yield f"BigQuery has no {ALL_OPERATIONS[node.op_type]}: write DISTINCT"
            continue
        name = node.function.name.rpartition(":")[2].lower()
        if name in ABSENT:
            yield f"{name.upper()} is no function of BigQuery"
        if repeatable and name in UNREPEATABLE:
            yield f"{name.upper()} gives something else each time: use @as_of, @run_date or a source's column"
