"""Google's analyzer over a job's statements: parses, resolves and types each, and names file and line of a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import zetasql.types as z
from zetasql.core.exceptions import ServerError

from pipeline.operate.sql.cache import Analysis, AnalysisCache, Definition
from pipeline.operate.sql.cost import starred_sources, unfiltered_tables
from pipeline.operate.sql.dialect import absent_features, bigquery_options, unsuitable_function
from pipeline.operate.sql.engine import Service, open_service
from pipeline.operate.sql.types import columns_of, made_by, message_of, type_name, zetasql_table, zetasql_type
from pipeline.rows.schema import Column, Schema
from pipeline.sql import Asset, Statement, TableName

LOCATION = re.compile(r"\s*\[at (\d+):(\d+)\]\s*$")
NO_PARTITIONS: Mapping[TableName, str] = MappingProxyType({})


@dataclass(frozen=True)
class Finding:
    """A mistake in a statement, with its file and line."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}: {self.message}"
        return "".join(c if c.isprintable() else "?" for c in text)


class Rejected(Exception):
    """The analyzer refuses a statement."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Analyzer:
    """Google's analyzer with the tables, views and functions that are known so far.

    Parameters
    ----------
    tables
        Tables that no statement makes.
    cache_dir
        Folder of the compiled analyzer and of the results of earlier checks.
    partitions
        Columns by which some of these tables are partitioned.
    sources
        Tables of a job's sources: a statement must not select all columns of one.
    """

    def __init__(
        self,
        tables: Mapping[TableName, Schema],
        cache_dir: Path,
        *,
        partitions: Mapping[TableName, str] = NO_PARTITIONS,
        sources: Iterable[TableName] = (),
    ) -> None:
        self._cache_dir, self._cache = cache_dir, AnalysisCache(cache_dir)
        self._language = bigquery_options()
        models = ((str(name), zetasql_table(str(name), schema)) for name, schema in tables.items())
        self._known = {(name, False): Definition.of(name, message_of(table)) for name, table in models}
        self._partitions = {str(name): column for name, column in partitions.items()}
        self._sources = frozenset(str(name) for name in sources)

    def analyze(self, statement: Statement) -> Schema:
        """Parse, resolve and type a statement, remember what it makes, and return the columns of its result.

        Raises
        ------
        Rejected
            It does not parse, names something unknown, mixes types, or reads more than it needs.
        """
        key = self._key(statement)
        analysis = self._cache.find(key)
        if analysis is None:
            analysis = self._analyze(statement)
            self._cache.keep(key, analysis)
        made = analysis.made
        if made:
            self._known[made.name, made.is_function] = made
            if made.partition:
                self._partitions[made.name] = made.partition
        return Schema(tuple(Column(name, kind) for name, kind in analysis.columns))

    def parse(self, asset: Asset) -> None:
        """Parse a statement as its file has it: placeholders are back-quoted names.

        Raises
        ------
        Rejected
            It does not parse.
        """
        key = {"parsed": asset.body}
        if self._cache.find(key):
            return
        lines = tuple((asset.path, asset.first_line + number) for number in range(asset.body.count("\n") + 1))
        try:
            self._service.parse(sql_statement=asset.body, options=self._language)
        except ServerError as error:
            raise Rejected(_finding_of(Statement(asset.body, {}, {}, (asset,), lines), error)) from error
        self._cache.keep(key, Analysis())

    @property
    def _service(self) -> Service:
        return open_service(self._cache_dir)

    def _key(self, statement: Statement) -> dict[str, Any]:
        """Return everything that the result depends on: the text, its parameters, and definitions of what it names."""
        names = sorted(_names(statement))
        return {
            "sql": statement.sql,
            "types": dict(statement.types),
            "made": [asdict(definition) for definition in self._definitions(statement)],
            "partitions": [(name, self._partitions[name]) for name in names if name in self._partitions],
            "sources": [name for name in names if name in self._sources],
            "in_udf": _is_in_udf(statement),
        }

    def _definitions(self, statement: Statement) -> list[Definition]:
        """Return the known tables and functions that a statement names."""
        names = _names(statement)
        return [definition for (name, _), definition in sorted(self._known.items()) if name in names]

    def _analyze(self, statement: Statement) -> Analysis:
        resolved = self._resolve(statement)
        if isinstance(resolved, z.ResolvedCreateFunctionStmt) != _is_in_udf(statement):
            raise Rejected(Finding(*statement.lines[0], "udf/ holds all functions, and nothing else"))
        self._refuse_waste(statement, resolved)
        repeatable = "@as_of" in statement.sql and bool(_names(statement) & self._sources)
        for message in absent_features(resolved, repeatable=repeatable):
            raise Rejected(Finding(statement.asset.path, statement.asset.first_line, message))
        unsuitable = unsuitable_function(resolved)
        if unsuitable:
            raise Rejected(Finding(*statement.lines[0], unsuitable))
        columns = tuple((name, type_name(kind)) for name, kind in columns_of(resolved))
        return Analysis(columns, made_by(resolved, self._partitions))

    def _resolve(self, statement: Statement) -> Any:
        parameters = [
            z.AnalyzerOptions.QueryParameter(name=name, type=zetasql_type(declared))
            for name, declared in statement.types.items()
        ]
        request = z.AnalyzeRequest(
            sql_statement=statement.sql,
            simple_catalog=z.SimpleCatalog(
                name="bigquery",
                builtin_function_options=z.ZetaSQLBuiltinFunctionOptions(language_options=self._language),
            ),
            options=z.AnalyzerOptions(
                language_options=self._language,
                query_parameters=parameters,
                error_message_mode=z.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE,
                default_timezone="UTC",
                prune_unused_columns=True,
            ),
        )
        definitions = self._definitions(statement)  # only these: each call copies what it gets
        try:
            return self._service.resolve(
                request,
                tables=[definition.message for definition in definitions if not definition.is_function],
                functions=[definition.message for definition in definitions if definition.is_function],
            )
        except ServerError as error:
            raise Rejected(_finding_of(statement, error)) from error

    def _refuse_waste(self, statement: Statement, resolved: Any) -> None:
        """Refuse a statement that reads more than it needs; syntax trees are walked only if it may."""
        assets = {str(table): asset for asset, _, table in statement.tables}
        waste: list[tuple[str, str]] = []
        if self._sources & set(assets) and "*" in statement.sql.replace("COUNT(*)", ""):
            parsed = self._service.parse(sql_statement=statement.sql, options=self._language).parsed_statement
            starred = starred_sources(parsed, self._sources)
            waste += [(name, f"every column of the source {name} is selected") for name in starred]
        if set(self._partitions) & set(assets):
            waste += unfiltered_tables(resolved, self._partitions)
        for name, message in waste:
            asset = assets.get(name, statement.asset)
            raise Rejected(Finding(asset.path, asset.first_line, message))


def _finding_of(statement: Statement, error: ServerError) -> Finding:
    """Return a finding with the line of the file: the analyzer counts lines of the rendered text."""
    match = LOCATION.search(error.raw_error)
    number = int(match.group(1)) if match else 1
    path, line = statement.lines[min(number, len(statement.lines)) - 1]
    return Finding(path, line, " ".join(LOCATION.sub("", error.raw_error.partition("Message: ")[2]).split()))


def _names(statement: Statement) -> set[str]:
    """Return the tables and functions that a statement names."""
    return {str(table) for _, _, table in statement.tables}


def _is_in_udf(statement: Statement) -> bool:
    return statement.asset.name.startswith("udf/")
