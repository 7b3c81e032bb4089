"""The table of labels of an evaluation, as they are known at a moment, and its checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.base.digests import digest_json, unique_name
from pipeline.errors import CheckError, RequestError
from pipeline.evaluation.metric_statements import labels_statement
from pipeline.project.project import Job
from pipeline.runs.check_rules import Rule, label_checks, rules_of, unknown_labels_rule
from pipeline.runs.checks import CheckResult, doubled_keys, judge, refuse_failed
from pipeline.runs.job_statements import QueryScope, label_columns
from pipeline.runs.publication_statements import keyed_profile_statement
from pipeline.runs.session import Session
from pipeline.sql import TableName


@dataclass(frozen=True)
class LabelTable:
    """A table of labels and the results of its checks.

    Parameters
    ----------
    key
        Prediction key.
    counts
        `row_count`, `duplicate_keys`, `checksum`, and `known`: the number of rows whose label is not NULL.
    rules, results
        Checks of the rows and their results; both empty without rows.
    """

    table: TableName
    key: Sequence[str]
    counts: dict[str, Any]
    rules: Sequence[Rule]
    results: Sequence[CheckResult]

    def refuse_failed(self, session: Session) -> None:
        """Raise CheckError if a check failed."""
        refuse_failed(session, self.table, self.key, self.rules, self.results)


def make_labels(session: Session, job: Job, scope: QueryScope, purpose: str) -> LabelTable:
    """Make the table of the known labels, and check it.

    Parameters
    ----------
    purpose
        Tells tables of the same labels apart.

    Raises
    ------
    RequestError
        The labels have other columns than their header declares.
    CheckError
        Two labels have one key.
    """
    table = _make_table(session, job, scope, purpose)
    made = session.warehouse.tables.result_columns(table)
    difference = label_columns(session, job).difference(made, are_kinds_enough=True)
    if difference:
        path = session.catalogue.get(job.spec.labels.sql).path
        raise RequestError(f"{path}:1: {difference}", hint="fix the header or the statement")
    key, columns = job.spec.row_key, label_columns(session, job).names
    rules = rules_of(session, table, key, label_checks(session, job))
    profiled = [*rules, unknown_labels_rule(session)]
    profile = session.warehouse.rows(keyed_profile_statement(session, table, key, columns, profiled))[0]
    if profile["duplicate_keys"]:
        doubled = doubled_keys(session, table, key)
        message = f"{job.name} {scope.last_date}: {profile['duplicate_keys']} labels share a key, {doubled}"
        raise CheckError(message, hint=f"fix {job.spec.labels.sql} or its sources")
    counts = {name: profile[name] for name in ("row_count", "duplicate_keys", "checksum")}
    counts["known"] = profile["row_count"] - (profile["unknown"] or 0)
    judged = rules if profile["row_count"] else []
    return LabelTable(table, key, counts, judged, judge(judged, profile))


def _make_table(session: Session, job: Job, scope: QueryScope, purpose: str) -> TableName:
    digest = digest_json([purpose, scope.first_date, scope.last_date, scope.as_of])
    table = session.target.run_table(f"{job.name}__{scope.last_date:%Y%m%d}__{digest}__labels")
    statement = labels_statement(session, job, table, scope)
    # A unique job id: labels are made again each time, with those that arrived since an unfinished attempt.
    session.warehouse.execute(statement, step=unique_name(f"{job.name}-labels"))
    billing_labels = {"job": job.name, "phase": "evaluate", "sql_digest": statement.digest}
    session.warehouse.tables.label_run_table(table, billing_labels)
    return table
