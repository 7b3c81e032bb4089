"""The leak test of a job's SQL: no row may depend on the future, or on the moment of the run that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pipeline.base.digests import unique_name
from pipeline.errors import CheckError, RequestError, quoted
from pipeline.operate.sql.leak_statements import (
    TablePair,
    compare_statement,
    copy_statement,
    cut_source_statement,
    example_key_statement,
    moments_statement,
)
from pipeline.project.job_yaml import SqlStep
from pipeline.project.project import Job
from pipeline.runs.job_statements import QueryScope, source_tables
from pipeline.runs.phase_labels import for_run_date
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables
from pipeline.sql import Statement, TableName


@dataclass(frozen=True)
class Compared:
    """Two sets of rows that are equal: their description, and the number of rows."""

    description: str
    rows: int


@dataclass(frozen=True)
class LeakTest:
    """The leak test of one job for one run date; `name` is a prefix of its run tables, which no two tests share."""

    session: Session
    job: Job
    run_date: date
    name: str

    def run(self, days: int) -> Iterator[Compared]:
        """Compare rows, and yield each comparison that found no difference.

        Parameters
        ----------
        days
            Number of past days that are made again, spread over those that have examples.

        Raises
        ------
        CheckError
            The SQL reads the future, or a past row differs from the one that was scored; names columns and a key.
        RequestError
            There is nothing to compare.
        """
        spec, sources, cut = self.job.spec, source_tables(self.session, self.job), self._cut_sources()
        whole = self._make(spec.examples, "whole", self.run_date, sources)
        past = self._past_days(whole)
        if not past and spec.examples.trains_on == "labelled":
            message = f"{self.job.name} {self.run_date}: no past day has examples"
            raise RequestError(message, hint="choose a later --run-date")
        yield self._future_blind(spec.examples, whole, self._make(spec.examples, "cut", self.run_date, cut))
        labels = [
            self._make(spec.labels, f"labels_{side}", self._labelled, tables)
            for side, tables in (("whole", sources), ("cut", cut))
        ]
        yield self._future_blind(spec.labels, *labels)
        for day in _spread(past, days):
            yield self._point_in_time(whole, day, sources)

    @property
    def _labelled(self) -> date:
        """The day whose labels are compared: the run date, or the last day whose labels have matured on it.

        A job that trains on labels has some in the window of the run date. For one that trains on scored rows no label
        of the run date is known on it, so nothing would be compared.
        """
        spec = self.job.spec
        return self.run_date - timedelta(days=spec.labels.delay_days if spec.examples.trains_on == "scored" else 0)

    def _cut_sources(self) -> dict[str, TableName]:
        """Copy the rows of every source that were known at the run's moment; one without `known_at` never changes."""
        tables, as_of = source_tables(self.session, self.job), self.job.as_of(self.run_date)
        for name, source in self.job.spec.sources.items():
            if source.known_at:
                tables[name] = self._table(f"cut__{name}")
                self._execute(cut_source_statement(self.session, self.job, name, tables[name], as_of), tables[name])
        return tables

    def _future_blind(self, step: SqlStep, whole: TableName, cut: TableName) -> Compared:
        """Compare rows with those made from sources without anything that became known later."""
        moment = f"{self.job.as_of(self.run_date):%Y-%m-%d %H:%M %Z}"
        return self._compare(step, self._pair(step, whole, cut), f"made of all rows and of those known at {moment}")

    def _point_in_time(self, whole: TableName, day: date, sources: dict[str, TableName]) -> Compared:
        """Compare the past rows of a training window with those that scoring made at their own moment."""
        step = self.job.spec.examples
        scored = self._make(step, f"scored_{day:%Y%m%d}", day, sources)
        pair = replace(self._pair(step, whole, scored), moment=self.job.as_of(day))
        return self._compare(step, pair, f"{day} seen from {self.run_date} and from itself")

    def _past_days(self, whole: TableName) -> list[date]:
        """Return the past days that have examples, and refuse rows whose moment is not that of a run date."""
        rows = self.session.warehouse.rows(moments_statement(self.session, whole))
        history = range(self.job.spec.examples.history_days + 1)
        days = {self.job.as_of(day): day for day in (self.run_date - timedelta(days=n) for n in history)}
        unknown = [row for row in rows if row["moment"] not in days]
        if unknown:
            message = (
                f"{unknown[0]['row_count']} examples of {unknown[0]['moment']}, a moment at which nothing is scored"
            )
            hint = "a row's moment is that of a run date"
            raise CheckError(f"{self._where(self.job.spec.examples)}: {message}", hint=hint)
        return [days[row["moment"]] for row in rows if days[row["moment"]] < self.run_date]

    def _pair(self, step: SqlStep, one: TableName, other: TableName) -> TablePair:
        return TablePair(one, other, self.session.catalogue.get(step.sql).columns, self.job.spec.row_key)

    def _compare(self, step: SqlStep, pair: TablePair, description: str) -> Compared:
        counts = self.session.warehouse.rows(compare_statement(self.session, pair))[0]
        different = [name for name in pair.compared if counts[f"differs_{name}"]]
        unpaired = counts["unpaired_rows"]
        if not different and not unpaired:
            return Compared(f"{step.sql} {description}", counts["row_count"])
        statement = example_key_statement(self.session, pair, different[0] if different else pair.compared[0])
        key = ", ".join(f"{name} {value}" for name, value in self.session.warehouse.rows(statement)[0].items())
        rows = f"{unpaired} rows have no counterpart" if unpaired else ""
        columns = f"different: {', '.join(different)}" if different else ""
        leak = "; ".join(filter(None, (rows, columns)))
        hint = "use only what was known by then"
        raise CheckError(f"{self._where(step)}: {description}: {leak}; e.g. {quoted(key)}", hint=hint)

    def _where(self, step: SqlStep) -> str:
        return f"{self.job.name}: {step.sql} leaks"

    def _make(self, step: SqlStep, name: str, day: date, sources: dict[str, TableName]) -> TableName:
        first = day - timedelta(days=self.job.spec.examples.history_days)
        moment = self.job.as_of(self.run_date if step is self.job.spec.labels else day)
        scope, table = QueryScope(day, first, day, moment), self._table(name)
        self._execute(copy_statement(self.session, self.job, step, table, scope, sources), table)
        return table

    def _table(self, name: str) -> TableName:
        return self.session.target.run_table(f"{self.name}__{name}".replace("-", "_"))

    def _execute(self, statement: Statement, table: TableName) -> None:
        self.session.warehouse.execute(statement, step=unique_name(f"{self.job.name}-leak"))
        self.session.warehouse.tables.label_run_table(table, {"job": self.job.name, "phase": "leak_test"})


@for_run_date("leak_test")
def leak_test(session: Session, job: Job, run_date: date, *, days: int = 3) -> list[Compared]:
    """Test a job's examples and labels for leakage, on the sources of its target.

    Parameters
    ----------
    days
        Number of past days that are made again.
    """
    ensure_tables(session, job)
    name = unique_name(f"{job.name}__{run_date:%Y%m%d}__leak")
    with session.reporter.step(f"{job.name} {run_date} leak test") as notes:
        compared = list(LeakTest(session, job, run_date, name).run(days))
        notes.append(f"{len(compared)} comparisons without a difference")
    return compared


def _spread(days: Sequence[date], number: int) -> list[date]:
    """Return some of the days, spread over all of them, the latest first."""
    count = min(number, len(days))
    steps = [round(step * (len(days) - 1) / max(count - 1, 1)) for step in range(count)]
    return [list(reversed(days))[step] for step in dict.fromkeys(steps)]
