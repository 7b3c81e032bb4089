"""Two tests of a job's examples against leakage: from the future, and across the moments of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipeline.digests import unique_name
from pipeline.errors import CheckError, RequestError
from pipeline.project import Job
from pipeline.session import Session
from pipeline.setup import ensure_tables
from pipeline.sql_assets import Statement, TableName
from pipeline.statements.job import Asked, as_of_date, source_tables
from pipeline.statements.leaks import (
    compare_statement,
    compared,
    cut_source_statement,
    example_key_statement,
    lone_examples_statement,
)

Span = tuple[datetime, datetime]

ALL = timedelta(days=36600)
"""Further from a run than any of its rows."""


@dataclass(frozen=True)
class Compared:
    """Two sets of examples that are equal: what they were, and how many rows they have."""

    what: str
    rows: int


@dataclass(frozen=True)
class LeakTest:
    """The tests of one job for one run date.

    Parameters
    ----------
    name
        Stem of the run tables; no two tests share them.
    """

    session: Session
    job: Job
    run_date: date
    name: str

    def run(self, days: int) -> Iterator[Compared]:
        """Compare, and return each comparison that found no difference.

        Parameters
        ----------
        days
            How many past days are made again, spread over the history.

        Raises
        ------
        CheckError
            The examples see the future, or a past row differs from the one that was scored; naming columns and a key.
        RequestError
            There is nothing to compare.
        """
        whole = self._make("whole", self.run_date, {})
        yield self._future_blind(whole)
        past = [self._point_in_time(whole, day) for day in self._past_days(days)]
        if not any(each.rows for each in past):
            what = f"{self.job.name} {self.run_date}: no past day has examples"
            raise RequestError(what, hint="choose a later --run-date, or more --days")
        yield from past

    def _future_blind(self, whole: TableName) -> Compared:
        """Compare with examples that were made of sources from which everything known later was cut."""
        as_of, sources = as_of_date(self.job, self.run_date), {}
        for name, source in self.job.spec.sources.items():
            if source.known_at:
                sources[name] = self._table(f"cut__{name}")
                statement = cut_source_statement(self.session, self.job, name, sources[name], as_of)
                self._execute(statement, sources[name])
        cut = self._make("cut", self.run_date, sources)
        every = (as_of - ALL, as_of + ALL)
        return self._compare(whole, cut, every, f"made of all rows and of those known at {as_of:%Y-%m-%d %H:%M %Z}")

    def _point_in_time(self, whole: TableName, day: date) -> Compared:
        """Compare the past rows of a training window with those that scoring made at their own moment."""
        moment = as_of_date(self.job, day)
        scored = self._make(f"scored_{day:%Y%m%d}", day, {})
        return self._compare(whole, scored, (moment, moment), f"{day} seen from {self.run_date} and from itself")

    def _past_days(self, days: int) -> list[date]:
        """Return past days spread over the history, the latest first."""
        history = self.job.spec.examples.history_days
        steps = sorted({max(1, round(history * number / days)) for number in range(days)})
        return [self.run_date - timedelta(days=step) for step in steps if step <= history]

    def _compare(self, one: TableName, other: TableName, span: Span, what: str) -> Compared:
        found = self.session.warehouse.rows(compare_statement(self.session, self.job, one, other, span))[0]
        names = compared(self.session, self.job)
        different = [name for name in names if found[f"differs_{name}"]]
        if different or found["unpaired_rows"]:
            raise self._leak(one, other, span, what, different, found["unpaired_rows"])
        return Compared(what, found["row_count"])

    def _leak(
        self, one: TableName, other: TableName, span: Span, what: str, different: list[str], unpaired: int
    ) -> CheckError:
        column = different[0] if different else compared(self.session, self.job)[0]
        statement = example_key_statement(self.session, self.job, one, other, span, column)
        key = ", ".join(f"{name} {value}" for name, value in self.session.warehouse.rows(statement)[0].items())
        rows = f"{unpaired} rows have no counterpart" if unpaired else ""
        columns = f"different: {', '.join(different)}" if different else ""
        said = "; ".join(part for part in (rows, columns) if part)
        where = f"{self.job.name}: {self.job.spec.examples.sql} leaks"
        return CheckError(f"{where}: {what}: {said}; e.g. {key}", hint="use only rows known by example_as_of")

    def _make(self, name: str, day: date, sources: dict[str, TableName]) -> TableName:
        spec, table = self.job.spec, self._table(name)
        first = day - timedelta(days=spec.examples.history_days)
        asked = Asked(day, first, day, as_of_date(self.job, day))
        own = {**source_tables(self.session, self.job), **sources}
        self._execute(lone_examples_statement(self.session, self.job, table, asked, own), table)
        return table

    def _table(self, name: str) -> TableName:
        return self.session.warehouse.run_table(f"{self.name}__{name}".replace("-", "_"))

    def _execute(self, statement: Statement, table: TableName) -> None:
        labels = {"job": self.job.name, "phase": "leak_test"}
        self.session.warehouse.execute(statement, step=unique_name(f"{self.job.name}-leak"), labels=labels)
        self.session.warehouse.tables.label_run_table(table, labels)


def leak_test(session: Session, job: Job, run_date: date, *, days: int = 3) -> list[Compared]:
    """Test a job's examples against leakage, on the sources of its target."""
    ensure_tables(session, job)
    name = unique_name(f"{job.name}__{run_date:%Y%m%d}__leak")
    with session.reporter.step(f"{job.name} {run_date} leak test") as said:
        found = list(LeakTest(session, job, run_date, name).run(days))
        said.append(f"{len(found)} comparisons without a difference")
    return found
