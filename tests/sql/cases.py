"""SQL unit tests as files: `tests/sql/cases/<asset>_vN.yaml` holds the cases of an asset by name.

A case has tiny tables, parameters and the expected result:

    about: what the case shows
    parameters: {run_date: 2013-07-01}
    columns: {key: [id]}                       # identifiers of kind column and columns
    names: {job: dummy}                        # identifiers of kind name
    checks: [{not_null: [id]}]                 # what a profile counts, by the rules that the engine makes of them
    condition: id IS NULL                      # identifier of kind expression
    expressions: {weight: w, cluster: user}    # others, by name; without them rows weigh the same and are independent
    tables:                                    # identifiers of kind table and query that have rows
      predictions:
        columns: {id: STRING, score: FLOAT64}  # or `like: ledger/events_v1` (a table's SQL), `like: source JOB.NAME`
        rows: [{id: a, score: 0.5}]            # or a JSON Lines file in <asset>_vN/<case>/; left out is NULL
    expect:
      table: predictions                       # the table to look at afterwards; without it, the result of the query
      columns: [id, score]                     # compare these only
      where: {id: a}                           # look at these rows only; a list names several values
      ordered: true                            # the order counts
      rows: [{id: a, score: 0.5}]

`emulator_lacks: why` skips a case on the emulator, where it is the emulator that cannot do what BigQuery does.

A case of a function has `calls: [{arguments: [1, 0.5], result: 0.69}]` instead of tables and rows. A condition is
tried on the rows of the table `rows`: those for which it holds come out; an aggregate gives one row with `value`.
With a table `others`, a condition is tried on pairs of `one` and `other`, joined by `id`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, RootModel

from pipeline.evaluation.drift_statements import column_places
from pipeline.project.project import Job, Project
from pipeline.project.target import local_target
from pipeline.rows.schema import Schema
from pipeline.runs.check_rules import check_places, count_wrong, rules_of
from pipeline.runs.session import Session
from pipeline.sql import Asset, Catalogue, Statement, TableName, render
from pipeline.sql.checks import Check

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
COLUMN = re.compile(r"^  (\w+) (\w+)(?: NOT NULL)?,?$", re.MULTILINE)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Table(_Strict):
    """Rows that a statement reads or changes."""

    columns: dict[str, str] = {}
    like: str = ""
    rows: list[dict[str, Any]] | str = []


class Expected(_Strict):
    """What comes out."""

    rows: list[dict[str, Any]]
    table: str = ""
    columns: list[str] = []
    where: dict[str, Any] = {}
    ordered: bool = False


class Call(_Strict):
    """A call of a function."""

    arguments: list[Any]
    result: Any


class Content(_Strict):
    """What a case's file holds."""

    about: str
    parameters: dict[str, Any] = {}
    columns: dict[str, list[str] | str] = {}
    names: dict[str, str] = {}
    checks: list[Check] = []
    condition: str = ""
    expressions: dict[str, str] = {}
    tables: dict[str, Table] = {}
    expect: Expected | None = None
    calls: list[Call] = []
    emulator_lacks: str = ""


class Cases(RootModel[dict[str, Content]]):
    """What the file of an asset holds: cases by name."""


class _Loader(yaml.CSafeLoader):
    """The fast loader of YAML, which refuses a repeated key as `read_yaml` does: every test process reads all cases."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        names = [key.value for key, _ in node.value]
        assert len(set(names)) == len(names), f"{node.start_mark}: a key comes twice"
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class Case:
    """One case of an asset."""

    asset: Asset
    name: str
    content: Content
    catalogue: Catalogue = field(repr=False)

    def schema(self, name: str) -> Schema:
        """Columns of a table of the case."""
        table = self.content.tables[name]
        if table.like.startswith("source "):
            job, source = table.like.removeprefix("source ").split(".")
            return _job(job).spec.sources[source].typed_columns
        if table.like:
            return Schema.parse(dict(COLUMN.findall(self.catalogue.get(table.like).body)))
        return Schema.parse(table.columns)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Rows of a table of the case, with every column."""
        found = self.content.tables[name].rows
        if isinstance(found, str):
            found = [json.loads(line) for line in (CASES / self.name / found).read_text().splitlines()]
        types = {column.name: column.type for column in self.schema(name).columns}
        unknown = {key for row in found for key in row} - set(types)
        assert not unknown, f"{self.name}: table {name} has no column {unknown}"
        return [{key: typed(row.get(key), kind) for key, kind in types.items()} for row in found]

    def statement(self, place: Any) -> Statement:
        """Render the asset; `place` names the table of an identifier."""
        identifiers = {
            name: self._identifier(name, kind, place) for name, kind in self.asset.header.identifiers.items()
        }
        types = self.asset.header.parameters
        clustered = {"clustered": "cluster" in self.content.expressions} if "clustered" in types else {}
        given = {**self.asset.header.defaults, **clustered, **self.content.parameters}
        values = {name: typed(value, types[name]) for name, value in given.items()}
        statement = render(self.asset, identifiers, values)
        if self.asset.header.form == "statement":
            return statement
        rows = place("rows", "table").quoted
        where = f"SELECT * FROM {rows} WHERE {statement.sql}"
        if "others" in self.content.tables:
            pairs = f"{rows} AS one FULL JOIN {place('others', 'table').quoted} AS other USING (id)"
            where = f"SELECT id FROM {pairs} WHERE {statement.sql}"
        sql = (
            where if self.asset.header.form == "condition" else f"SELECT {statement.sql.rstrip()} AS value FROM {rows}"
        )
        return replace(statement, sql=sql)

    @property
    def compared(self) -> list[str]:
        """Columns that are compared: those of the first table, without key and presence."""
        table = next(iter(self.content.tables))
        return [name for name in self.schema(table).names if name not in (*self.content.columns["key"], "_present")]

    def _differs(self, column: str) -> Statement:
        kinds = {each.name: each.type for each in self.schema(next(iter(self.content.tables))).columns}
        name = "differs_float" if kinds[column] == "FLOAT64" else "differs"
        return render(self.catalogue.get(f"leaks/{name}_v1"), {"column": column}, {})

    def _drift_column(self, session: Session, name: str) -> Any:
        """The columns of a kind as they are measured: `columns` names those of each kind."""
        prefix = "predicted_" if name.startswith("predicted_") else ""
        schema = self.schema("predictions" if prefix else "examples")
        chosen = schema.select(self.content.columns[f"{name.replace('ories', 'ory').removesuffix('s')}_columns"])
        return column_places(session, chosen, prefix, schema.columns[0])[name]

    def _identifier(self, name: str, kind: str, place: Any) -> Any:
        if kind in ("column", "columns"):
            return self.content.columns[name]
        if kind == "name":
            return self.content.names[name]
        if kind == "expression":
            usual = {"weight": "1.0", "weight_above": "SUM(weight) OVER falling", "cluster": "''"}
            expressions = usual | self.content.expressions
            return Statement(expressions.get(name, self.content.condition), {}, {}, ())
        if kind == "expressions":
            session = Session.open(Project.open(ROOT), local_target(None, "case-case"))
            if name == "differences":
                return [(f"differs_{column}", count_wrong(session, self._differs(column))) for column in self.compared]
            if self.asset.name.startswith("drift/"):
                return self._drift_column(session, name)
            rules = rules_of(session, place("table", "table"), list(self.content.columns["key"]), self.content.checks)
            return check_places(rules)[name]
        table: TableName = place(name, kind)
        if kind != "query":
            return table
        body = f"SELECT * FROM {table.quoted}"
        return Statement(body, {}, {}, (), tables=((self.asset, name, table),))


@cache
def _job(name: str) -> Job:
    return Project.open(ROOT).job(name)


def typed(value: Any, kind: Any) -> Any:
    """A YAML value as the type that is declared."""
    if value is None:
        return None
    if isinstance(kind, list):
        return [typed(item, kind[0]) for item in value]
    if isinstance(kind, dict):
        return {name: typed(value.get(name), each) for name, each in kind.items()}
    if kind == "TIMESTAMP":
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if kind == "DATE":
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    return float(value) if kind == "FLOAT64" else value


def all_cases() -> list[Case]:
    """Every case below this folder."""
    catalogue = Catalogue(ROOT)
    return [
        Case(catalogue.any(asset), f"{asset}/{name}", content, catalogue)
        for asset, cases in cases_of_assets().items()
        for name, content in cases.items()
    ]


@cache
def cases_of_assets() -> dict[str, dict[str, Content]]:
    """The cases of each asset, by the names of asset and case."""
    paths = sorted(CASES.rglob("*.yaml"))
    return {path.relative_to(CASES).with_suffix("").as_posix(): _read(path) for path in paths}


def _read(path: Path) -> dict[str, Content]:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    return Cases.model_validate(content).root
