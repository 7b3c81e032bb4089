"""Gate: what comparisons say of challengers, as verdicts, and the promotion that follows from one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pipeline.comparisons import challengers_of
from pipeline.gate_metrics import gate_rule
from pipeline.gate_rules import Gate
from pipeline.gate_words import verdict_line, verdict_of
from pipeline.job_labels import for_run_date
from pipeline.ledger import Ledger
from pipeline.project import Job
from pipeline.session import Session
from pipeline.statements.gate import judge_statement, promote_statement, undone_statement

Verdicts = list[dict[str, Any]]


@for_run_date("evaluate")
def gate_job(session: Session, job: Job, day: date) -> Verdicts:
    """Judge the challengers on every run date that had matured by a day and was not judged yet.

    What is decided stands in the ledger alone: an attempt that ended between a verdict and its promotion is finished,
    and a day is judged once however often this is called.

    Parameters
    ----------
    day
        Calendar date in the job's zone; a promotion holds from it on, or from the day after the last published run
        date if that is later.

    Returns
    -------
    list of dict
        The new verdicts by run date; none for a job without a gate.
    """
    gate = job.spec.gate
    if gate is None:
        return []
    last = day - timedelta(days=job.spec.labels.delay_days)
    _carry_out(session, job, day, last)
    said: Verdicts = []
    while new := _judge(session, job, gate, last):
        said += new
        if not any(verdict["verdict"] == "promote" for verdict in new):
            break
        _carry_out(session, job, day, last)  # later days wait for it
    return said


def _judge(session: Session, job: Job, gate: Gate, last: date) -> Verdicts:
    rule = gate_rule(session.catalogue, job, gate)
    judged = session.warehouse.rows(judge_statement(session, rule, [job.name], challengers_of(job), last))
    verdicts = [verdict_of(rule, row) for row in judged]
    Ledger(session, job.name).record_verdicts(verdicts)
    for verdict in verdicts:
        session.reporter.say(verdict_line(verdict))
    return verdicts


def _carry_out(session: Session, job: Job, day: date, last: date) -> None:
    """Make champions of whom the verdicts promote."""
    for row in session.warehouse.rows(undone_statement(session, job.name, last)):
        values = {"variant": row["challenger"], "reason": row["reason"], "decided_on": row["run_date"]}
        statement = promote_statement(session, job, {**values, "not_before": day})
        # The statement looks whether the decision stands, so that it may be sent again.
        session.warehouse.execute(statement, step=f"{job.name}-promotion", verify=lambda: False)
