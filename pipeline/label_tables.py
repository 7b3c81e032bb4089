"""Tables of labels as they are known at a moment: what evaluations use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.data_checks import CheckResult, judge, refuse_failed
from pipeline.digests import digest_json, unique_name
from pipeline.errors import CheckError
from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import TableName
from pipeline.statements.checks import label_checks, rules_of
from pipeline.statements.evaluation import labels_statement
from pipeline.statements.job import Asked, label_columns
from pipeline.statements.predictions import keyed_profile_statement


def make_labels(
    session: Session, job: Job, asked: Asked, purpose: str
) -> tuple[TableName, dict[str, Any], list[CheckResult]]:
    """Make the table of the labels that are known, and return it with its counts and what checks found.

    Parameters
    ----------
    purpose
        Tells tables of the same labels apart.

    Raises
    ------
    CheckError
        Two labels have one key.
    """
    digest = digest_json([purpose, asked.first_date, asked.last_date, asked.as_of])
    table = session.warehouse.run_table(f"{job.name}__{asked.last_date:%Y%m%d}__{digest}__labels")
    statement = labels_statement(session, job, table, asked)
    labels = {"job": job.name, "phase": "evaluate"}
    # A job id of its own: labels are made anew each time, with those that arrived since an unfinished attempt.
    session.warehouse.execute(statement, step=unique_name(f"{job.name}-labels"), labels=labels)
    session.warehouse.tables.label_run_table(table, labels | {"sql_digest": statement.digest})
    columns = label_columns(session, job).names
    key = job.spec.prediction_key
    rules = rules_of(session, table, key, label_checks(session, job))
    profile = session.warehouse.rows(keyed_profile_statement(session, table, key, columns, rules))[0]
    if profile["duplicate_keys"]:
        what = f"{job.name} {asked.last_date}: {profile['duplicate_keys']} labels share a key"
        raise CheckError(what, hint=f"mend {job.spec.labels.sql} or its sources")
    counts = {name: profile[name] for name in ("row_count", "duplicate_keys", "checksum")}
    return table, counts, judge(rules, profile) if profile["row_count"] else []


def refuse_labels(session: Session, job: Job, table: TableName, results: Sequence[CheckResult]) -> None:
    """Raise when a check of a table of labels failed."""
    if results:
        key = job.spec.prediction_key
        refuse_failed(session, table, key, rules_of(session, table, key, label_checks(session, job)), results)
