"""Results of data checks: one profile of a table, judged before the next phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pipeline.errors import CheckError, quoted
from pipeline.runs.check_rules import FIX_PREDICT, Rule, offending_rows_statement, repeated
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.session import Session
from pipeline.sql import Asset, Statement, TableName


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Parameters
    ----------
    check
        The check as people read it.
    failed
        Number of wrong rows; 1 if the whole table is wrong.
    seen
        The number of rows or the rate that was judged; None for a check of single rows.
    """

    check: str
    failed: int
    seen: float | None = None


def judge(rules: Sequence[Rule], profile: Mapping[str, Any]) -> list[CheckResult]:
    """Return the result of each check by the profile of its table."""
    return [_judge(rule, profile) for rule in rules]


def _judge(rule: Rule, profile: Mapping[str, Any]) -> CheckResult:
    if rule.bounds is None:
        return CheckResult(rule.name, int(profile[rule.checked[0][0]] or 0))
    seen = float(profile["row_count"] or 0)
    if rule.checked:
        total, rows = (profile[name] for name, _ in rule.checked)
        if not rows:  # the mean of no values is not judged
            return CheckResult(rule.name, 0)
        seen = float(total) / rows
    return CheckResult(rule.name, int(not rule.bounds.min <= seen <= rule.bounds.max), seen)


def refuse_failed(
    session: Session,
    table: TableName,
    key: Sequence[str],
    rules: Sequence[Rule],
    results: Sequence[CheckResult],
    *,
    model: str = "",
) -> None:
    """Raise if a check failed, with the number and up to five keys of wrong rows.

    Parameters
    ----------
    model
        Variant that predicted the rows: the error names it and wrong values, and not the table and its SQL.

    Raises
    ------
    CheckError
        The first check that failed, and how many did.
    """
    failed = [(rule, result) for rule, result in zip(rules, results, strict=True) if result.failed]
    if not failed:
        return
    rule, result = failed[0]
    if rule.condition is None:
        observed = f"found {result.seen:.15g}"
    else:
        rows = f"{result.failed} row{'s'[: result.failed > 1]}"
        shown = [*key, *(name for name in rule.columns if model and name not in key)]
        observed = f"{rows}, e.g. {_wrong_keys(session, table, shown, rule.condition)}"
    others = f" (checks that failed: {len(failed)})" if len(failed) > 1 else ""
    hint = FIX_PREDICT if model else "fix the SQL or its sources"
    raise CheckError(f"{model or table}: check {rule.name} failed: {observed}{others}", hint=hint)


def doubled_keys(session: Session, table: TableName, key: Sequence[str]) -> str:
    """Return up to five keys that rows of a table share, in words."""
    return f"e.g. {_wrong_keys(session, table, key, repeated(session, table, key))}"


def _wrong_keys(session: Session, table: TableName, key: Sequence[str], condition: Statement) -> str:
    return keys_in_words(session.warehouse.rows(offending_rows_statement(session, table, key, condition)), key)


def keys_in_words(rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> str:
    """Return the distinct keys of rows as `<columns> = '<values>; <values>'`."""
    values = dict.fromkeys(", ".join(str(row[name]) for name in key) for row in rows)
    return f"{', '.join(key)} = {quoted('; '.join(values))}"


def as_details(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """Return results as the details of an event; NaN and infinity become text, because JSON lacks them."""
    return [
        {
            "check": result.check,
            "failed": result.failed,
            "seen": result.seen if result.seen is None or isfinite(result.seen) else str(result.seen),
        }
        for result in results
    ]


def checked_event(
    phase: str, table: TableName, asset: Asset, results: Sequence[CheckResult], *, key: str = ""
) -> Event:
    """Return the event of the checks of a table that a phase made."""
    return Event(
        phase=phase,
        event="checked",
        key=key,
        uri=f"bq://{table}",
        row_count=sum(result.failed for result in results),
        sql_version=asset.name,
        sql_digest=asset.digest,
        details={"checks": as_details(results)},
    )
