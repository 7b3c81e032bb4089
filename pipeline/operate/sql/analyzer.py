"""What a check knows so far: tables, views and functions, and results of statements that were analyzed before.

Importing the analyzer takes a second, so it is imported for the first statement without a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.operate.sql.cache import Analysis, AnalysisCache, Definition
from pipeline.rows.schema import Column, Schema
from pipeline.sql import Asset, Statement, TableName

NO_PARTITIONS: Mapping[TableName, str] = MappingProxyType({})


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
        self._tables = {str(name): schema for name, schema in tables.items()}
        self._made: dict[tuple[str, bool], Definition] = {}
        self._partitions = {str(name): column for name, column in partitions.items()}
        self._sources = frozenset(str(name) for name in sources)

    def analyze(self, statement: Statement) -> Schema:
        """Parse, resolve and type a statement, remember what it makes, and return the columns of its result.

        Raises
        ------
        Rejected
            It does not parse, names something unknown, mixes types, or reads more than it needs.
        """
        names = sorted({str(table) for _, _, table in statement.tables})
        tables = {name: self._tables[name] for name in names if name in self._tables}
        made = [definition for (name, _), definition in sorted(self._made.items()) if name in names]
        partitions = {name: self._partitions[name] for name in names if name in self._partitions}
        sources = [name for name in names if name in self._sources]
        key: dict[str, Any] = {  # everything that the result depends on
            "sql": statement.sql,
            "types": dict(statement.types),
            "tables": {name: [(c.name, c.type) for c in schema.columns] for name, schema in tables.items()},
            "made": [asdict(definition) for definition in made],
            "partitions": partitions,
            "sources": sources,
            "in_udf": statement.asset.name.startswith("udf/"),
        }
        analysis = self._cache.find(key)
        if analysis is None:
            from pipeline.operate.sql.resolver import analyze

            analysis = analyze(statement, self._cache_dir, tables, made, partitions, frozenset(sources))
            self._cache.keep(key, analysis)
        if new := analysis.made:
            self._made[new.name, new.is_function] = new
            if not new.is_function:
                self._tables.pop(new.name, None)
            if new.partition:
                self._partitions[new.name] = new.partition
        return Schema(tuple(Column(name, kind) for name, kind in analysis.columns))

    def parse(self, asset: Asset) -> None:
        """Parse a statement as its file has it: placeholders are back-quoted names.

        Raises
        ------
        Rejected
            It does not parse.
        """
        key = {"parsed": asset.body}
        if not self._cache.find(key):
            from pipeline.operate.sql.resolver import parse

            parse(asset, self._cache_dir)
            self._cache.keep(key, Analysis())
