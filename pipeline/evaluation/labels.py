"""Tables of labels as they are known at a moment: what evaluations use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.base.digests import digest_json, unique_name
from pipeline.errors import CheckError
from pipeline.evaluation.statements import labels_statement
from pipeline.project.project import Job
from pipeline.runs.check_rules import Rule, label_checks, rules_of, unknown_labels_rule
from pipeline.runs.checks import CheckResult, doubled_keys, judge, refuse_failed
from pipeline.runs.job_statements import Asked, label_columns
from pipeline.runs.publication_statements import keyed_profile_statement
from pipeline.runs.session import Session
from pipeline.sql import TableName


@dataclass(frozen=True)
class Labels:
    """A table of labels and what was found in it.

    Parameters
    ----------
    key
        Prediction key.
    counts
        `row_count`, `duplicate_keys`, `checksum`, and of the rows `known`: those whose label is not NULL.
    rules, results
        What is asked of the rows, and what was found; without rows nothing is asked.
    """

    table: TableName
    key: Sequence[str]
    counts: dict[str, Any]
    rules: Sequence[Rule]
    results: Sequence[CheckResult]

    @property
    def failed(self) -> bool:
        """Tell whether a check failed."""
        return any(result.failed for result in self.results)

    def refuse_failed(self, session: Session) -> None:
        """Raise when a check failed."""
        refuse_failed(session, self.table, self.key, self.rules, self.results)


def make_labels(session: Session, job: Job, asked: Asked, purpose: str) -> Labels:
    """Make the table of the labels that are known, and look at it.

    Parameters
    ----------
    purpose
        Tells tables of the same labels apart.

    Raises
    ------
    CheckError
        Two labels have one key.
    """
    table = _make_table(session, job, asked, purpose)
    key, columns = job.spec.row_key, label_columns(session, job).names
    rules = rules_of(session, table, key, label_checks(session, job))
    counted = [*rules, unknown_labels_rule(session)]
    profile = session.warehouse.rows(keyed_profile_statement(session, table, key, columns, counted))[0]
    if profile["duplicate_keys"]:
        doubled = doubled_keys(session, table, key)
        what = f"{job.name} {asked.last_date}: {profile['duplicate_keys']} labels share a key, {doubled}"
        raise CheckError(what, hint=f"mend {job.spec.labels.sql} or its sources")
    counts = {name: profile[name] for name in ("row_count", "duplicate_keys", "checksum")}
    counts["known"] = profile["row_count"] - (profile["unknown"] or 0)
    asked_of_rows = rules if profile["row_count"] else []
    return Labels(table, key, counts, asked_of_rows, judge(asked_of_rows, profile))


def _make_table(session: Session, job: Job, asked: Asked, purpose: str) -> TableName:
    digest = digest_json([purpose, asked.first_date, asked.last_date, asked.as_of])
    table = session.target.run_table(f"{job.name}__{asked.last_date:%Y%m%d}__{digest}__labels")
    statement = labels_statement(session, job, table, asked)
    # A job id of its own: labels are made anew each time, with those that arrived since an unfinished attempt.
    session.warehouse.execute(statement, step=unique_name(f"{job.name}-labels"))
    session.warehouse.tables.label_run_table(
        table, {"job": job.name, "phase": "evaluate", "sql_digest": statement.digest}
    )
    return table
