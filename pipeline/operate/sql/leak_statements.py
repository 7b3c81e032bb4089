"""Statements of the tests against leakage: a job's rows made twice, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.project.job_yaml import SqlStep
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs.check_rules import count_wrong
from pipeline.runs.job_statements import QueryScope, job_query
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Named, Statement, TableName


@dataclass(frozen=True)
class Pair:
    """Two tables of the same columns.

    Parameters
    ----------
    key
        Columns by which rows are paired.
    moment
        The moment whose rows are compared; those of all moments when None.
    """

    one: TableName
    other: TableName
    columns: Schema
    key: Sequence[str]
    moment: datetime | None = None

    @property
    def compared(self) -> list[str]:
        """The columns besides the key."""
        return [name for name in self.columns.names if name not in self.key]


def cut_source_statement(session: Session, job: Job, name: str, table: TableName, as_of: datetime) -> Statement:
    """Make a copy of a source that holds what was known at a moment."""
    source = job.spec.sources[name]
    identifiers: dict[str, Identifier] = {
        "table": table,
        "source": session.target.table(name),
        "columns": source.typed_columns.names,
        "known_at": source.known_at or "",
    }
    return session.statement("leaks/cut_source_v1", identifiers, {"as_of": as_of})


def copy_statement(
    session: Session, job: Job, step: SqlStep, table: TableName, asked: QueryScope, sources: Mapping[str, TableName]
) -> Statement:
    """Make a table of a job's examples or labels; `sources` take the place of the job's own tables."""
    identifiers: dict[str, Identifier] = {
        "table": table,
        "query": job_query(session, job, step, asked, sources),
        "columns": session.catalogue.get(step.sql).columns.names,
    }
    return session.statement("leaks/copy_v1", identifiers)


def moments_statement(session: Session, table: TableName) -> Statement:
    """Read the moments of a table of examples."""
    return session.statement("leaks/moments_v1", {"table": table})


def compare_statement(session: Session, pair: Pair) -> Statement:
    """Count the rows of two tables that differ, by column."""
    differences: list[Named] = [
        (f"differs_{column}", count_wrong(session, difference(session, pair, column))) for column in pair.compared
    ]
    return session.statement("leaks/compare_v1", _rows(session, pair) | {"differences": differences})


def example_key_statement(session: Session, pair: Pair, column: str) -> Statement:
    """Read a key for which two tables differ in a column or at all."""
    identifiers = _rows(session, pair) | {"condition": difference(session, pair, column)}
    return session.statement("leaks/example_key_v1", identifiers)


def difference(session: Session, pair: Pair, column: str) -> Statement:
    """Return the condition under which two rows of one key differ in a column."""
    types = {each.name: each.type for each in pair.columns.columns}
    name = "differs_float" if types[column] == "FLOAT64" else "differs"
    return session.statement(f"leaks/{name}_v1", {"column": column})


def _rows(session: Session, pair: Pair) -> dict[str, Identifier]:
    one, other = (_side(session, table, pair) for table in (pair.one, pair.other))
    return {"one": one, "other": other, "key": list(pair.key)}


def _side(session: Session, table: TableName, pair: Pair) -> Statement:
    identifiers: dict[str, Identifier] = {"table": table, "columns": pair.columns.names}
    if pair.moment is None:
        return session.statement("leaks/all_rows_v1", identifiers)
    return session.statement("leaks/rows_at_v1", identifiers, {"moment": pair.moment})
