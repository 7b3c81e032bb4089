"""What is wrong with a statement, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import zetasql.types as z
from zetasql.core.exceptions import ServerError

from pipeline.operate.sql.cost import starred_sources, unfiltered_tables
from pipeline.operate.sql.dialect import absent_features, bigquery_options
from pipeline.operate.sql.engine import Service, open_service
from pipeline.operate.sql.memory import Learnt, Made, Memory
from pipeline.operate.sql.types import (
    columns_of,
    made_by,
    message_of,
    type_name,
    wrong_function,
    zetasql_table,
    zetasql_type,
)
from pipeline.rows.schema import Column, Schema
from pipeline.sql import Asset, Statement, TableName

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


def finding_of(statement: Statement, error: ServerError) -> Finding:
    """Say where the mistake stands in its file: the analyzer counts lines of the rendered text."""
    found = LOCATION.search(error.raw_error)
    number = int(found.group(1)) if found else 1
    path, line = statement.lines[min(number, len(statement.lines)) - 1]
    return Finding(path, line, " ".join(LOCATION.sub("", error.raw_error.partition("Message: ")[2]).split()))


NONE: Mapping[TableName, str] = MappingProxyType({})


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
        Folder of the compiled analyzer, and of what it learnt of statements.
    """

    def __init__(
        self,
        tables: Mapping[TableName, Schema],
        cache_dir: Path,
        *,
        partitions: Mapping[TableName, str] = NONE,
        sources: Iterable[TableName] = (),
    ) -> None:
        self._cache_dir, self._memory = cache_dir, Memory(cache_dir)
        self._language = bigquery_options()
        ready = ((str(name), zetasql_table(str(name), schema)) for name, schema in tables.items())
        self._known = {(name, False): Made.of(name, message_of(table)) for name, table in ready}
        self._partitions = {str(name): column for name, column in partitions.items()}
        self._sources = frozenset(str(name) for name in sources)

    def analyze(self, statement: Statement) -> Schema:
        """Parse, resolve and type a statement, remember what it makes, and return the columns of its result.

        Raises
        ------
        Rejected
            It does not parse, names something that is not there, mixes types, or reads more than it needs.
        """
        known = self._knowledge(statement)
        learnt = self._memory.find(known)
        if learnt is None:
            learnt = self._learn(statement)
            self._memory.keep(known, learnt)
        if learnt.made:
            self._remember(learnt.made)
        return Schema(tuple(Column(name, kind) for name, kind in learnt.columns))

    def parse(self, asset: Asset) -> None:
        """Parse a statement as it stands in its file: places are back-quoted names.

        Raises
        ------
        Rejected
            It does not parse.
        """
        known = {"parsed": asset.body}
        if self._memory.find(known):
            return
        lines = tuple((asset.path, asset.first_line + number) for number in range(asset.body.count("\n") + 1))
        try:
            self._service.parse(sql_statement=asset.body, options=self._language)
        except ServerError as error:
            raise Rejected(finding_of(Statement(asset.body, {}, {}, (asset,), lines), error)) from error
        self._memory.keep(known, Learnt())

    @property
    def _service(self) -> Service:
        return open_service(self._cache_dir)

    def _knowledge(self, statement: Statement) -> dict[str, Any]:
        """Return all that the answer depends on: the text, its parameters, and what is known of what it names."""
        named = sorted(_names(statement))
        return {
            "sql": statement.sql,
            "types": dict(statement.types),
            "made": [asdict(made) for made in self._named(statement)],
            "partitions": [(name, self._partitions[name]) for name in named if name in self._partitions],
            "sources": [name for name in named if name in self._sources],
            "in_udf": _stands_in_udf(statement),
        }

    def _named(self, statement: Statement) -> list[Made]:
        """Return what is known of the tables and functions that a statement names."""
        named = _names(statement)
        return [made for (name, _), made in sorted(self._known.items()) if name in named]

    def _learn(self, statement: Statement) -> Learnt:
        resolved = self._resolve(statement)
        if isinstance(resolved, z.ResolvedCreateFunctionStmt) != _stands_in_udf(statement):
            raise Rejected(Finding(*statement.lines[0], "functions, and nothing else, stand in udf/"))
        self._refuse_waste(statement, resolved)
        repeatable = bool(_names(statement) & self._sources)
        for what in absent_features(resolved, repeatable=repeatable and "@as_of" in statement.sql):
            raise Rejected(Finding(statement.asset.path, statement.asset.first_line, what))
        wrong = wrong_function(resolved)
        if wrong:
            raise Rejected(Finding(*statement.lines[0], wrong))
        columns = tuple((name, type_name(kind)) for name, kind in columns_of(resolved))
        return Learnt(columns, made_by(resolved, self._partitions))

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
        made = self._named(statement)  # all that is known would be copied each time
        try:
            return self._service.resolve(
                request,
                tables=[each.message for each in made if not each.is_function],
                functions=[each.message for each in made if each.is_function],
            )
        except ServerError as error:
            raise Rejected(finding_of(statement, error)) from error

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

    def _remember(self, made: Made) -> None:
        self._known[made.name, made.is_function] = made
        if made.partition:
            self._partitions[made.name] = made.partition


def _names(statement: Statement) -> set[str]:
    """Return the tables and functions that a statement names."""
    return {str(table) for _, _, table in statement.tables}


def _stands_in_udf(statement: Statement) -> bool:
    return statement.asset.name.startswith("udf/")
