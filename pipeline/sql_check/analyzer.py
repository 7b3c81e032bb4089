"""Statements analyzed one after the other: what one makes, the next may read. Nothing is sent anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import zetasql.types as z
from zetasql.api import CatalogBuilder
from zetasql.core.exceptions import ServerError

from pipeline.schemas import Column, Schema
from pipeline.sql_assets import Asset, Statement, TableName
from pipeline.sql_check.absent import absent_features
from pipeline.sql_check.cost import partition_of, starred_sources, unfiltered_tables
from pipeline.sql_check.dialect import bigquery_options
from pipeline.sql_check.engine import open_service
from pipeline.sql_check.types import Typed, type_name, typed_table, zetasql_table, zetasql_type

NONE: Mapping[TableName, str] = MappingProxyType({})
LOCATION = re.compile(r"\s*\[at (\d+):(\d+)\]\s*$")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a statement, and where it is written."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}: {self.what}"
        return "".join(c if c.isprintable() else "?" for c in text)


class Rejected(Exception):
    """The analyzer refuses a statement."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Analyzer:
    """GoogleSQL's analyzer over the tables, views and functions that are known so far.

    Parameters
    ----------
    tables
        Tables that no statement makes.
    partitions
        Columns by which some of them are partitioned.
    sources
        Those of them of which a statement never reads every column.
    cache_dir
        Folder of the compiled analyzer.
    """

    def __init__(
        self,
        tables: Mapping[TableName, Schema],
        cache_dir: Path,
        *,
        partitions: Mapping[TableName, str] = NONE,
        sources: Iterable[TableName] = (),
    ) -> None:
        self._service = open_service(cache_dir)
        self._language = bigquery_options()
        self._tables = {str(name): zetasql_table(str(name), schema) for name, schema in tables.items()}
        self._functions: dict[str, z.Function] = {}
        self._partitions = {str(name): column for name, column in partitions.items()}
        self._sources = frozenset(str(name) for name in sources)

    def analyze(self, statement: Statement) -> Schema:
        """Parse, resolve and type a statement, remember what it makes, and return the columns of its result.

        Raises
        ------
        Rejected
            It does not parse, names something that is not there, mixes types, or reads more than it needs.
        """
        resolved = self._resolve(statement)
        is_function = isinstance(resolved, z.ResolvedCreateFunctionStmt)
        if is_function != statement.asset.name.startswith("udf/"):
            raise Rejected(Finding(*statement.lines[0], "functions, and nothing else, stand in udf/"))
        self._refuse_waste(statement, resolved)
        repeatable = {str(table) for _, _, table in statement.tables} & self._sources
        for what in absent_features(resolved, repeatable=bool(repeatable) and "@as_of" in statement.sql):
            raise Rejected(Finding(statement.asset.path, statement.asset.first_line, what))
        columns = _columns(resolved)
        self._remember(statement, resolved, columns)
        return Schema(tuple(Column(name, type_name(kind)) for name, kind in columns))

    def parse(self, asset: Asset) -> None:
        """Parse a statement as it stands in its file: places are back-quoted names.

        Raises
        ------
        Rejected
            It does not parse.
        """
        lines = tuple((asset.path, asset.first_line + number) for number in range(asset.body.count("\n") + 1))
        try:
            self._service.parse(sql_statement=asset.body, options=self._language)
        except ServerError as error:
            raise Rejected(_finding(Statement(asset.body, {}, {}, (asset,), lines), error)) from error

    def _resolve(self, statement: Statement) -> Any:
        parameters = [
            z.AnalyzerOptions.QueryParameter(name=name, type=zetasql_type(declared))
            for name, declared in statement.types.items()
        ]
        options = z.AnalyzerOptions(
            language_options=self._language,
            query_parameters=parameters,
            error_message_mode=z.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE,
            default_timezone="UTC",
            prune_unused_columns=True,
        )
        try:
            answer = self._service.analyze(
                sql_statement=statement.sql, options=options, simple_catalog=self._catalog(statement)
            )
        except ServerError as error:
            raise Rejected(_finding(statement, error)) from error
        return answer.resolved_statement

    def _refuse_waste(self, statement: Statement, resolved: Any) -> None:
        """Look for what costs more than it needs, where there can be any: walking a syntax tree takes its time."""
        named = {str(table): asset for asset, _, table in statement.tables}
        found: list[tuple[str, str]] = []
        if self._sources & set(named) and "*" in statement.sql.replace("COUNT(*)", ""):
            parsed = self._service.parse(sql_statement=statement.sql, options=self._language).parsed_statement
            starred = starred_sources(parsed, self._sources)
            found += [(name, f"every column of the source {name} is selected") for name in starred]
        if set(self._partitions) & set(named):
            found += unfiltered_tables(resolved, self._partitions)
        for name, what in found:
            asset = named.get(name, statement.asset)
            raise Rejected(Finding(asset.path, asset.first_line, what))

    def _catalog(self, statement: Statement) -> z.SimpleCatalog:
        """Return what the statement names: a catalogue with everything would be copied for each statement."""
        named = {str(table) for _, _, table in statement.tables}
        builder = CatalogBuilder("bigquery").with_builtin_functions(
            z.ZetaSQLBuiltinFunctionOptions(language_options=self._language)
        )
        for name in sorted(named & set(self._tables)):
            builder.add_table(self._tables[name])
        catalog = builder.build()
        catalog.custom_function = [self._functions[name] for name in sorted(named & set(self._functions))]
        return catalog

    def _remember(self, statement: Statement, resolved: Any, columns: list[Typed]) -> None:
        if isinstance(resolved, z.ResolvedCreateFunctionStmt):
            wrong = _wrong_function(resolved)
            if wrong:
                raise Rejected(Finding(*statement.lines[0], wrong))
            path = list(resolved.name_path)
            self._functions[path[0]] = z.Function(
                name_path=path,
                group="UDF",
                mode=z.FunctionEnums.Mode.SCALAR,
                signature=[resolved.signature],
            )
        elif hasattr(resolved, "name_path"):
            name = resolved.name_path[0]
            self._tables[name] = typed_table(name, columns)
            partition = partition_of(resolved, self._partitions)
            if partition:
                self._partitions[name] = partition


def _columns(resolved: Any) -> list[Typed]:
    """Return the columns of a result or of the table that is made."""
    if isinstance(resolved, z.ResolvedQueryStmt | z.ResolvedCreateViewStmt):
        return [(column.name, column.column.type) for column in resolved.output_column_list]
    if isinstance(resolved, z.ResolvedCreateTableStmtBase):
        return [(column.name, column.type) for column in resolved.column_definition_list]
    return []


def _wrong_function(resolved: Any) -> str | None:
    """Say what is wrong with a function: it has to be kept, typed, and plain SQL."""
    if resolved.language.upper() != "SQL":
        return f"a function in {resolved.language}: write it in SQL"
    if resolved.create_scope != z.ResolvedCreateStatementEnums.CreateScope.CREATE_DEFAULT_SCOPE:
        return "a temporary function: CREATE OR REPLACE FUNCTION makes one that stays"
    kinds = (argument.kind for argument in resolved.signature.argument)
    if any(kind != z.SignatureArgumentKind.ARG_TYPE_FIXED for kind in kinds):
        return "an argument of any type: name its type"
    return None


def _finding(statement: Statement, error: ServerError) -> Finding:
    """Say where the mistake stands in its file: the analyzer counts lines of the rendered text."""
    found = LOCATION.search(error.raw_error)
    number = int(found.group(1)) if found else 1
    path, line = statement.lines[min(number, len(statement.lines)) - 1]
    return Finding(path, line, " ".join(LOCATION.sub("", error.raw_error.partition("Message: ")[2]).split()))
