"""Statements of the leak test: a job's rows are made twice and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.project.job_yaml import SqlStep
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs.check_rules import count_wrong
from pipeline.runs.job_statements import QueryScope, job_query, source_tables
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Named, Statement, TableName


@dataclass(frozen=True)
class TablePair:
    """Two tables with the same columns.

    Parameters
    ----------
    key
        Columns by which rows are paired.
    moment
        The moment whose rows are compared; None for the rows of all moments.
    """

    one: TableName
    other: TableName
    columns: Schema
    key: Sequence[str]
    moment: datetime | None = None

    @property
    def compared(self) -> list[str]:
        """The columns that are not in the key."""
        return [name for name in self.columns.names if name not in self.key]


def cut_source_statement(session: Session, job: Job, name: str, table: TableName, as_of: datetime) -> Statement:
    """Return the statement that copies the rows of a source that were known at a moment."""
    source = job.spec.sources[name]
    identifiers: dict[str, Identifier] = {
        "table": table,
        "source": session.target.table(name),
        "columns": source.typed_columns.names,
        "known_at": source.known_at or "",
    }
    return session.statement("leaks/cut_source_v1", identifiers, {"as_of": as_of})


def copy_statement(
    session: Session, job: Job, step: SqlStep, table: TableName, scope: QueryScope, sources: Mapping[str, TableName]
) -> Statement:
    """Return the statement that makes a table of examples or labels, from other tables than the job's own."""
    identifiers: dict[str, Identifier] = {
        "table": table,
        "query": job_query(session, job, step, scope, sources),
        "columns": session.catalogue.get(step.sql).columns.names,
    }
    return session.statement("leaks/copy_v1", identifiers)


def moments_statement(session: Session, table: TableName) -> Statement:
    """Return the statement that reads the moments of a table of examples."""
    return session.statement("leaks/moments_v1", {"table": table})


def compare_statement(session: Session, pair: TablePair) -> Statement:
    """Return the statement that counts the rows of two tables that differ, by column."""
    differences: list[Named] = [
        (f"differs_{column}", count_wrong(session, difference(session, pair, column))) for column in pair.compared
    ]
    return session.statement("leaks/compare_v1", _rows(session, pair) | {"differences": differences})


def example_key_statement(session: Session, pair: TablePair, column: str) -> Statement:
    """Return the statement that reads a key whose rows differ in a column, or that one table lacks."""
    identifiers = _rows(session, pair) | {"condition": difference(session, pair, column)}
    return session.statement("leaks/example_key_v1", identifiers)


def difference(session: Session, pair: TablePair, column: str) -> Statement:
    """Return the condition under which two rows with the same key differ in a column."""
    types = {named.name: named.type for named in pair.columns.columns}
    name = "differs_float" if types[column] == "FLOAT64" else "differs"
    return session.statement(f"leaks/{name}_v1", {"column": column})


def _rows(session: Session, pair: TablePair) -> dict[str, Identifier]:
    one, other = (_side(session, table, pair) for table in (pair.one, pair.other))
    return {"one": one, "other": other, "key": list(pair.key)}


def _side(session: Session, table: TableName, pair: TablePair) -> Statement:
    identifiers: dict[str, Identifier] = {"table": table, "columns": pair.columns.names}
    if pair.moment is None:
        return session.statement("leaks/all_rows_v1", identifiers)
    return session.statement("leaks/rows_at_v1", identifiers, {"moment": pair.moment})


def leak_test_statements(run: Run) -> Iterator[Statement]:
    """Yield the statements of a leak test of a run date, for the rehearsal."""
    session, job = run.session, run.job
    scope = QueryScope(run.run_date, run.run_date, run.run_date, run.as_of)
    sources = source_tables(session, job)
    for name, source in job.spec.sources.items():
        if source.known_at:
            sources[name] = run.table(f"leak__cut__{name}")
            yield cut_source_statement(session, job, name, sources[name], run.as_of)
    for kind, step in (("examples", job.spec.examples), ("labels", job.spec.labels)):
        one, other = (run.table(f"leak__{kind}_{side}") for side in ("one", "other"))
        for table in (one, other):
            yield copy_statement(session, job, step, table, scope, sources)
        pair = TablePair(one, other, session.catalogue.get(step.sql).columns, job.spec.row_key)
        yield from _comparisons(session, pair)
        if step is job.spec.examples:
            yield moments_statement(session, one)
            yield from _comparisons(session, replace(pair, moment=run.as_of))


def _comparisons(session: Session, pair: TablePair) -> Iterator[Statement]:
    yield compare_statement(session, pair)
    kinds = {difference(session, pair, column).asset.name: column for column in pair.compared}
    for column in kinds.values():
        yield example_key_statement(session, pair, column)
