"""Google's analyzer on one statement: parses, resolves and types it, and names file and line of a mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zetasql.types as z
from zetasql.core.exceptions import ServerError

from pipeline.operate.sql.cache import Analysis, Definition, Finding, Rejected
from pipeline.operate.sql.cost import kind_of, starred_sources, unfiltered_tables
from pipeline.operate.sql.dialect import absent_features, bigquery_options, unsuitable_function
from pipeline.operate.sql.engine import Service, open_service
from pipeline.operate.sql.types import columns_of, made_by, message_of, type_name, zetasql_table, zetasql_type
from pipeline.rows.schema import Schema
from pipeline.sql import Asset, Statement

LOCATION = re.compile(r"\s*\[at (\d+):(\d+)\]\s*$")


def analyze(
    statement: Statement,
    cache_dir: Path,
    tables: Mapping[str, Schema],
    made: Sequence[Definition],
    partitions: Mapping[str, str],
    sources: frozenset[str],
) -> Analysis:
    """Return the columns of a statement's result, and what it makes.

    Parameters
    ----------
    cache_dir
        Folder of the compiled analyzer.
    tables, made
        Tables that the statement names and that no statement makes, and what other statements made.
    partitions
        Columns by which these tables are partitioned.
    sources
        Those of the tables that are sources of the job.

    Raises
    ------
    Rejected
        It does not parse, names something unknown, mixes types, or reads more than it needs.
    """
    service = open_service(cache_dir)
    messages = [message_of(zetasql_table(name, schema)) for name, schema in tables.items()]
    try:
        resolved = service.resolve(
            _request(statement),
            tables=[*messages, *(definition.message for definition in made if not definition.is_function)],
            functions=[definition.message for definition in made if definition.is_function],
        )
    except ServerError as error:
        raise Rejected(_finding_of(statement, error)) from error
    if (kind_of(resolved) == "ResolvedCreateFunctionStmtProto") != statement.asset.name.startswith("udf/"):
        raise Rejected(Finding(*statement.lines[0], "udf/ holds all functions, and nothing else"))
    _refuse_waste(service, statement, resolved, partitions, sources)
    for message in absent_features(resolved, repeatable="@as_of" in statement.sql and bool(sources)):
        raise Rejected(Finding(statement.asset.path, statement.asset.first_line, message))
    if unsuitable := unsuitable_function(resolved):
        raise Rejected(Finding(*statement.lines[0], unsuitable))
    columns = tuple((name, type_name(kind)) for name, kind in columns_of(resolved))
    return Analysis(columns, made_by(resolved, partitions))


def parse(asset: Asset, cache_dir: Path) -> None:
    """Parse a statement as its file has it: placeholders are back-quoted names.

    Raises
    ------
    Rejected
        It does not parse.
    """
    try:
        open_service(cache_dir).syntax(z.ParseRequest(sql_statement=asset.body, options=bigquery_options()))
    except ServerError as error:
        lines = tuple((asset.path, asset.first_line + number) for number in range(asset.body.count("\n") + 1))
        raise Rejected(_finding_of(Statement(asset.body, {}, {}, (asset,), lines), error)) from error


def _request(statement: Statement) -> z.AnalyzeRequest:
    language = bigquery_options()
    parameters = [
        z.AnalyzerOptions.QueryParameter(name=name, type=zetasql_type(declared))
        for name, declared in statement.types.items()
    ]
    return z.AnalyzeRequest(
        sql_statement=statement.sql,
        simple_catalog=z.SimpleCatalog(
            name="bigquery",
            builtin_function_options=z.ZetaSQLBuiltinFunctionOptions(language_options=language),
        ),
        options=z.AnalyzerOptions(
            language_options=language,
            query_parameters=parameters,
            error_message_mode=z.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE,
            default_timezone="UTC",
            prune_unused_columns=True,
        ),
    )


def _refuse_waste(
    service: Service, statement: Statement, resolved: Any, partitions: Mapping[str, str], sources: frozenset[str]
) -> None:
    """Refuse a statement that reads more than it needs; syntax trees are walked only if it may."""
    waste: list[tuple[str, str]] = []
    if sources and "*" in statement.sql.replace("COUNT(*)", ""):
        parsed = service.syntax(z.ParseRequest(sql_statement=statement.sql, options=bigquery_options()))
        starred = starred_sources(parsed, sources)
        waste += [(name, f"every column of the source {name} is selected") for name in starred]
    if partitions:
        waste += unfiltered_tables(resolved, partitions)
    assets = {str(table): asset for asset, _, table in statement.tables}
    for name, message in waste:
        asset = assets.get(name, statement.asset)
        raise Rejected(Finding(asset.path, asset.first_line, message))


def _finding_of(statement: Statement, error: ServerError) -> Finding:
    """Return a finding with the line of the file: the analyzer counts lines of the rendered text."""
    match = LOCATION.search(error.raw_error)
    number = int(match.group(1)) if match else 1
    path, line = statement.lines[min(number, len(statement.lines)) - 1]
    return Finding(path, line, " ".join(LOCATION.sub("", error.raw_error.partition("Message: ")[2]).split()))
