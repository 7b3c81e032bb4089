"""The dialect: the analyzer's options, limited to the features that BigQuery offers.

GoogleSQL is larger than BigQuery. A feature is on only if BigQuery's reference documents it as generally available; a
new feature of the analyzer is off until it is listed here. What no option can switch off is checked afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import zetasql.types as z
from zetasql.types import LanguageFeature, LanguageOptions, NameResolutionMode, ProductMode, ResolvedNodeKind

from pipeline.operate.sql.cost import field, kind_of, nodes

QUERIES = """
    ANALYTIC_FUNCTIONS TABLESAMPLE TABLE_VALUED_FUNCTIONS GROUP_BY_ROLLUP GROUPING_BUILTIN GROUPING_SETS GROUP_BY_ALL
    GROUP_BY_STRUCT GROUP_BY_ARRAY WITH_ON_SUBQUERY WITH_RECURSIVE SELECT_STAR_EXCEPT_REPLACE FOR_SYSTEM_TIME_AS_OF
    PIVOT UNPIVOT QUALIFY IS_DISTINCT NULLS_FIRST_LAST_IN_ORDER_BY ORDER_BY_COLLATE ALLOW_DASHES_IN_TABLE_NAME
    UNNEST_AND_FLATTEN_ARRAYS LIKE_ANY_SOME_ALL CORRESPONDING_FULL BY_NAME ANNOTATION_FRAMEWORK COLLATION_SUPPORT
    DISALLOW_PIVOT_AND_UNPIVOT_ON_ARRAY_SCANS
"""
AGGREGATES = """
    ORDER_BY_IN_AGGREGATE LIMIT_IN_AGGREGATE HAVING_IN_AGGREGATE NULL_HANDLING_MODIFIER_IN_AGGREGATE
    NULL_HANDLING_MODIFIER_IN_ANALYTIC
"""
FUNCTIONS = """
    NAMED_ARGUMENTS SAFE_FUNCTION_CALL CONCAT_MIXED_TYPES ADDITIONAL_STRING_FUNCTIONS ALLOW_REGEXP_EXTRACT_OPTIONALS
    DATE_TIME_CONSTRUCTORS DATE_ARITHMETICS EXTENDED_DATE_TIME_SIGNATURES WEEK_WITH_WEEKDAY FORMAT_IN_CAST
    TIME_BUCKET_FUNCTIONS INVERSE_TRIG_FUNCTIONS CBRT_FUNCTIONS ROUND_WITH_ROUNDING_MODE TOKENIZED_SEARCH
    JSON_ARRAY_FUNCTIONS JSON_VALUE_EXTRACTION_FUNCTIONS JSON_LAX_VALUE_EXTRACTION_FUNCTIONS
    JSON_CONSTRUCTOR_FUNCTIONS JSON_MUTATOR_FUNCTIONS JSON_KEYS_FUNCTION JSON_STRICT_NUMBER_PARSING
    ENABLE_EDIT_DISTANCE_BYTES DISABLE_ARRAY_MIN_AND_MAX DISABLE_ARRAY_SUM_AND_AVG
"""
TYPES = """
    NUMERIC_TYPE BIGNUMERIC_TYPE DECIMAL_ALIAS GEOGRAPHY JSON_TYPE INTERVAL_TYPE RANGE_TYPE CIVIL_TIME
    PARAMETERIZED_TYPES CAST_DIFFERENT_ARRAY_TYPES DISABLE_FLOAT32
"""
STATEMENTS = """
    DML_UPDATE_WITH_JOIN OMIT_INSERT_COLUMN_LIST COLUMN_DEFAULT_VALUE CREATE_TABLE_PARTITION_BY CREATE_TABLE_CLUSTER_BY
    CREATE_TABLE_NOT_NULL CREATE_TABLE_FIELD_ANNOTATIONS CREATE_TABLE_AS_SELECT_COLUMN_LIST CREATE_TABLE_LIKE
    CREATE_TABLE_COPY CREATE_TABLE_CLONE CREATE_SNAPSHOT_TABLE CREATE_TABLE_FUNCTION CREATE_VIEW_WITH_COLUMN_LIST
    CREATE_VIEWS_WITH_COLUMN_OPTIONS TEMPLATE_FUNCTIONS UNENFORCED_PRIMARY_KEYS FOREIGN_KEYS
"""

KINDS = (
    ResolvedNodeKind.RESOLVED_QUERY_STMT,
    ResolvedNodeKind.RESOLVED_CREATE_TABLE_STMT,
    ResolvedNodeKind.RESOLVED_CREATE_TABLE_AS_SELECT_STMT,
    ResolvedNodeKind.RESOLVED_CREATE_VIEW_STMT,
    ResolvedNodeKind.RESOLVED_CREATE_FUNCTION_STMT,
    ResolvedNodeKind.RESOLVED_INSERT_STMT,
    ResolvedNodeKind.RESOLVED_MERGE_STMT,
)
"""Kinds of statements that the pipeline sends; every other kind is refused."""

ABSENT = frozenset({"iferror", "iserror", "nulliferror", "elementwise_sum", "elementwise_avg", "split_substr"})
"""Functions of GoogleSQL that BigQuery's reference lacks."""

UNREPEATABLE = frozenset(
    {"current_date", "current_datetime", "current_time", "current_timestamp", "rand", "generate_uuid", "session_user"}
)
"""Functions whose value changes with each call: examples and labels would differ between two attempts."""

ALL_OPERATIONS = {
    z.ResolvedSetOperationScanEnums.SetOperationType.INTERSECT_ALL: "INTERSECT ALL",
    z.ResolvedSetOperationScanEnums.SetOperationType.EXCEPT_ALL: "EXCEPT ALL",
}


def bigquery_options() -> LanguageOptions:
    """Return the language options of the analyzer."""
    names = " ".join((QUERIES, AGGREGATES, FUNCTIONS, TYPES, STATEMENTS)).split()
    return LanguageOptions(
        name_resolution_mode=NameResolutionMode.NAME_RESOLUTION_DEFAULT,
        product_mode=ProductMode.PRODUCT_EXTERNAL,
        enabled_language_features=[LanguageFeature[f"FEATURE_{name}"] for name in names],
        supported_statement_kinds=list(KINDS),
    )


def absent_features(resolved: Any, *, repeatable: bool) -> Iterator[str]:
    """Yield a message for each function or operation that BigQuery lacks, or that is not repeatable.

    Parameters
    ----------
    repeatable
        Whether the statement has to return the same rows each time, as a job's own SQL has.
    """
    for node in nodes(resolved, "ResolvedFunctionCallBaseProto", "ResolvedSetOperationScanProto"):
        if kind_of(node) == "ResolvedSetOperationScanProto":
            if node.op_type in ALL_OPERATIONS:
                yield f"BigQuery has no {ALL_OPERATIONS[node.op_type]}: write DISTINCT"
            continue
        name = node.function.name.rpartition(":")[2].lower()
        if name in ABSENT:
            yield f"{name.upper()} is not a function of BigQuery"
        if repeatable and name in UNREPEATABLE:
            yield f"{name.upper()} changes with each call: use @as_of, @run_date or a source's column"


def unsuitable_function(resolved: Any) -> str | None:
    """Return a message if a function is not permanent, typed and plain SQL, else None."""
    if kind_of(resolved) != "ResolvedCreateFunctionStmtProto":
        return None
    if resolved.language.upper() != "SQL":
        return f"a function in {resolved.language}: write it in SQL"
    if field(resolved, "create_scope") != z.ResolvedCreateStatementEnums.CreateScope.CREATE_DEFAULT_SCOPE:
        return "a temporary function: write CREATE OR REPLACE FUNCTION, which makes a permanent one"
    kinds = (argument.kind for argument in resolved.signature.argument)
    if any(kind != z.SignatureArgumentKind.ARG_TYPE_FIXED for kind in kinds):
        return "an argument of any type: name its type"
    return None
