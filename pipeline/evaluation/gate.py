"""The gate: judges challengers on every run date with labels, promotes the better one, and gives reasons in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from pipeline.evaluation.comparisons import challengers_of
from pipeline.evaluation.gate_statements import judge_statement, promote_statement, undone_statement
from pipeline.project.gate_rule import GateRule, gate_rule
from pipeline.project.job_yaml import Gate
from pipeline.project.project import Job
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.phase_labels import for_run_date
from pipeline.runs.session import Session

Row = Mapping[str, Any]
Verdicts = list[dict[str, Any]]

VERDICT_COLUMNS = ("run_date", "champion", "challenger", "verdict", "n", "needed_n", "difference", "low", "high")
"""Columns of a judgement that its verdict has too."""


@for_run_date("evaluate")
def gate_job(session: Session, job: Job, day: date) -> Verdicts:
    """Judge the challengers on every run date that has matured by a day and is not judged yet.

    Decisions are in the ledger alone. So an attempt that ended between a verdict and its promotion is finished, and a
    day is judged once however often this is called.

    Parameters
    ----------
    day
        Calendar date in the job's zone. A promotion is in force from it on, or from the day after the last published
        run date if that is later.

    Returns
    -------
    list of dict
        The new verdicts by run date; empty for a job without a gate.
    """
    gate = job.spec.gate
    if gate is None:
        return []
    last = day - timedelta(days=job.spec.labels.delay_days)
    _promote(session, job, day, last)
    verdicts: Verdicts = []
    while new := _judge(session, job, gate, last):
        verdicts += new
        if not any(verdict["verdict"] == "promote" for verdict in new):
            break
        _promote(session, job, day, last)  # later days are judged with the new champion
    return verdicts


def _judge(session: Session, job: Job, gate: Gate, last: date) -> Verdicts:
    rule = gate_rule(session.catalogue, job, gate)
    rows = session.warehouse.rows(judge_statement(session, rule, [job.name], challengers_of(job), last))
    verdicts = [verdict_of(rule, row) for row in rows]
    Ledger(session, job.name).record_verdicts(verdicts)
    for verdict in verdicts:
        outcome = f"{verdict['verdict']} {verdict['challenger']}, {verdict['reason']}"
        session.reporter.say(f"{verdict['run_date']} gate: {outcome}")
    return verdicts


def _promote(session: Session, job: Job, day: date, last: date) -> None:
    """Make the challengers champion that verdicts promote and that are not champion yet."""
    for row in session.warehouse.rows(undone_statement(session, job.name, last)):
        values = {"variant": row["challenger"], "reason": row["reason"], "decided_on": row["run_date"]}
        statement = promote_statement(session, job, {**values, "not_before": day})
        session.warehouse.append(statement, step=f"{job.name}-promotion")


def verdict_of(rule: GateRule, row: Row) -> dict[str, Any]:
    """Return the verdict of a row of `gate/judge_v1`: its numbers, and the reason in words."""
    verdict = {name: row[name] for name in VERDICT_COLUMNS} | {"reason": REASONS[row["cause"]](rule.gate, row)}
    if row["cause"] == "not-shown":
        verdict["needed_n"] = rule.needed_days(row["difference"], row["difference"] - row["low"], row["n"])
    return verdict


def _days(gate: Gate, row: Row) -> str:
    return f"{row['n']} of the {gate.min_days} days of window {row['window_number']} are known"


def _gained(gate: Gate, row: Row) -> str:
    return (
        f"{gate.metric} is better by {row['difference']:.4g} on average over the {row['n']} days of window"
        f" {row['window_number']} up to {row['run_date']}"
    )


def _not_shown(gate: Gate, row: Row) -> str:
    wanted = f"more than {gate.min_gain:.4g}"
    if row["difference"] > gate.min_gain:
        return f"{_gained(gate, row)}, which may be chance: {row['low']:.4g} is the lower bound, and {wanted} is wanted"
    way = "better" if row["difference"] >= 0 else "worse"
    return (
        f"{gate.metric} is {way} by {abs(row['difference']):.4g} on average over the {row['n']} days of window"
        f" {row['window_number']}: a gain of {wanted} is wanted"
    )


def _guard_rails(gate: Gate, row: Row) -> str:
    allowed = ", ".join(f"{name} {most:.4g}" for name, most in gate.guard_rails.items())
    return f"{_gained(gate, row)}, but {row['broken']} got worse than allowed, or is not known (allowed: {allowed})"


REASONS: Mapping[str, Callable[[Gate, Row], str]] = {
    "window-open": _days,
    "undefined": lambda gate, row: f"{gate.metric} is not defined for both on this day; {_days(gate, row)}",
    "better": lambda gate, row: (
        f"{_gained(gate, row)}, and by at least {row['low']:.4g} at the error that a window is given"
    ),
    "not-shown": _not_shown,
    "guard-rails": _guard_rails,
    "rival": lambda gate, row: f"{_gained(gate, row)}, but {row['other']} gains more and is promoted",
    "windows-used-up": lambda gate, _: f"its {gate.max_windows} windows with this champion are used up",
    "succeeded": lambda _, row: f"{row['other']} is champion from {row['other_from']} on",
}
"""Reason of each cause that the SQL names."""
