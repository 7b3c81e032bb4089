"""Statements that make the examples of a run, profile them and look at their sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.runs.check_rules import Rule, check_places
from pipeline.runs.job_statements import QueryScope, job_query
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Statement, TableName

if TYPE_CHECKING:
    from pipeline.runs.run import Run


def examples_statement(run: Run) -> Statement:
    """Make the examples of a run: the job's examples with the labels known by then."""
    spec, scope = run.job.spec, _scope(run)
    identifiers: dict[str, Identifier] = {
        "table": run.table("examples"),
        "examples": job_query(run.session, run.job, spec.examples, scope),
        "labels": job_query(run.session, run.job, spec.labels, scope),
        "key": spec.row_key,
        "entity": spec.entity,
    }
    values = {"as_of": run.as_of, "shards": spec.predictions.shards, "trains_on": spec.examples.trains_on}
    return run.session.statement("phases/examples_v1", identifiers, values)


def doubled_labels_statement(run: Run) -> Statement:
    """Read up to five keys that labels of a run's examples share."""
    labels = job_query(run.session, run.job, run.job.spec.labels, _scope(run))
    return run.session.statement("phases/doubled_labels_v1", {"labels": labels, "key": run.job.spec.row_key})


def _scope(run: Run) -> QueryScope:
    first = run.run_date - timedelta(days=run.job.spec.examples.history_days)
    return QueryScope(run.run_date, first, run.run_date, run.as_of, run.snapshot_at)


def examples_profile_statement(run: Run, rules: Sequence[Rule]) -> Statement:
    """Count the rows of a run's examples by their use, and the rows that fail each rule."""
    table, key = run.table("examples"), run.job.spec.row_key
    identifiers: dict[str, Identifier] = {"table": table, "key": key, **check_places(rules)}
    return run.session.statement("phases/examples_profile_v1", identifiers, {"as_of": run.as_of})


def source_range_statement(session: Session, source: TableName, known_at: str) -> Statement:
    """Read the first and the last moment at which rows of a source became known."""
    return session.statement("phases/source_range_v1", {"source": source, "known_at": known_at})
