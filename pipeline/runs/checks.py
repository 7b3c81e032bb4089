"""Data checks: what one look at a table found, judged before the next phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pipeline.errors import CheckError, quoted
from pipeline.runs.check_rules import Rule, offending_rows_statement, rules_of
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.session import Session
from pipeline.sql import Asset, Statement, TableName
from pipeline.sql.checks import Check


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Parameters
    ----------
    check
        The check as people read it.
    failed
        How many rows are wrong; 1 where the whole table is.
    seen
        The number of rows or the rate that was judged, if any.
    """

    check: str
    failed: int
    seen: float | None = None


def judge(rules: Sequence[Rule], profile: Mapping[str, Any]) -> list[CheckResult]:
    """Return what each check found in a profile."""
    return [_judge(rule, profile) for rule in rules]


def refuse_failed(
    session: Session, table: TableName, key: Sequence[str], rules: Sequence[Rule], results: Sequence[CheckResult]
) -> None:
    """Raise when a check failed, with the count and up to five keys of rows that are wrong.

    Raises
    ------
    CheckError
        The first check that failed, and how many others did.
    """
    failed = [(rule, result) for rule, result in zip(rules, results, strict=True) if result.failed]
    if not failed:
        return
    rule, result = failed[0]
    others = f" (checks that failed: {len(failed)})" if len(failed) > 1 else ""
    found = f"found {result.seen:.15g}" if rule.condition is None else _wrong_rows(session, table, key, rule, result)
    raise CheckError(f"{table}: check {rule.name} failed: {found}{others}", hint="mend the SQL or its sources")


def _wrong_rows(session: Session, table: TableName, key: Sequence[str], rule: Rule, result: CheckResult) -> str:
    assert rule.condition is not None  # noqa: S101 - whole tables have no wrong rows
    return f"{result.failed} row{'s'[: result.failed > 1]}, e.g. {_keys(session, table, key, rule.condition)}"


def doubled_keys(session: Session, table: TableName, key: Sequence[str]) -> str:
    """Name up to five keys that rows of a table share."""
    (rule,) = (
        rule for rule in rules_of(session, table, key, [Check(unique=list(key))]) if rule.name.startswith("unique")
    )
    assert rule.condition is not None  # noqa: S101 - rows tell
    return f"e.g. {_keys(session, table, key, rule.condition)}"


def _keys(session: Session, table: TableName, key: Sequence[str], condition: Statement) -> str:
    return keys_in_words(session.warehouse.rows(offending_rows_statement(session, table, key, condition)), key)


def keys_in_words(rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> str:
    """Name the keys of rows, each once."""
    values = dict.fromkeys(", ".join(str(row[name]) for name in key) for row in rows)
    return f"{', '.join(key)} = {quoted('; '.join(values))}"


def _judge(rule: Rule, profile: Mapping[str, Any]) -> CheckResult:
    if rule.bounds is None:
        return CheckResult(rule.name, int(profile[rule.checked[0][0]] or 0))
    seen = _rate(rule, profile) if rule.checked else float(profile["row_count"] or 0)
    return CheckResult(rule.name, int(seen is not None and not rule.bounds.min <= seen <= rule.bounds.max), seen)


def as_details(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """Return results as the ledger holds them: JSON knows no NaN."""
    return [
        {"check": each.check, "failed": each.failed, "seen": each.seen if _is_json(each.seen) else str(each.seen)}
        for each in results
    ]


def checked_event(
    phase: str, table: TableName, asset: Asset, results: Sequence[CheckResult], *, key: str = ""
) -> Event:
    """Return the event of what checks of the table that a phase made found."""
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


def _is_json(number: float | None) -> bool:
    return number is None or isfinite(number)


def _rate(rule: Rule, profile: Mapping[str, Any]) -> float | None:
    """Return the mean of a column; None where no row has a value."""
    total, rows = (profile[name] for name, _ in rule.checked)
    return float(total) / rows if rows else None
