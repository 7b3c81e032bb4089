"""Checks of the sources of a job: whether each exists, is a table, and has the columns that job.yaml declares."""

from __future__ import annotations

from pipeline.errors import RequestError
from pipeline.operate.doctor.needs import Account
from pipeline.operate.doctor.result import CheckResult, result_of
from pipeline.operate.sources import mismatch
from pipeline.project.project import Job
from pipeline.runs.session import Session


def check_sources(account: Account) -> list[CheckResult]:
    """Check each source of the jobs."""
    return [
        result_of(f"source {name} of {job.name}", _check_source, account.session, job, name)
        for job in account.jobs
        for name in job.spec.sources
    ]


def _check_source(session: Session, job: Job, name: str) -> str:
    table, source = session.target.table(name), job.spec.sources[name]
    facts = session.warehouse.tables.facts(table)
    if facts is None:
        raise RequestError(f"{table} does not exist", hint=f"load it with pipeline sources load {job.name}")
    if wrong := mismatch(facts, source.typed_columns):
        hint = f"fix key sources.{name} of {job.folder / 'job.yaml'}, or the table"
        raise RequestError(f"{table} {wrong}", hint=hint)
    return f"{facts.rows:,} rows, with the {len(source.columns)} declared columns"
