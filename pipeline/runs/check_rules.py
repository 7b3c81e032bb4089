"""Data checks as expressions of the one statement that looks at a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.job_statements import LABEL
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Named, Statement, TableName
from pipeline.sql.checks import AcceptedValues, Check, Range, RowCount


@dataclass(frozen=True)
class Rule:
    """One check of one table.

    Parameters
    ----------
    name
        The check as people read it.
    counted
        Expressions over the rows of one key.
    checked
        Expressions over those of all keys.
    condition
        What makes a row wrong; None for a check of the whole table.
    bounds
        Bounds of the number of rows or of a rate.
    """

    name: str
    counted: Sequence[Named] = ()
    checked: Sequence[Named] = ()
    condition: Statement | None = None
    bounds: RowCount | Range | None = None


def rules_of(session: Session, table: TableName, key: Sequence[str], checks: Sequence[Check]) -> list[Rule]:
    """Return the rules of a keyed table: its key is never NULL, and what checks ask for."""
    every = [Check(not_null=list(key)), *checks]
    return [rule for number, check in enumerate(every) for rule in _rules(session, table, check, f"check_{number}")]


def example_checks(session: Session, job: Job) -> list[Check]:
    """Return the checks of a job's examples: those of their own SQL, and those of the label that stands beside them."""
    of_label = [check for check in label_checks(session, job) if check.columns == [LABEL] and not check.not_null]
    return [*session.catalogue.get(job.spec.examples.sql).header.checks, *of_label]


def label_checks(session: Session, job: Job) -> list[Check]:
    """Return the checks of a job's labels: those of their own SQL, and those that the metric family asks for."""
    assets = (session.catalogue.get(name) for name in (job.spec.labels.sql, MetricSpec.of(job).asset))
    found = [check for asset in assets for check in asset.header.checks]
    if job.spec.weight:
        found += [Check(not_null=[job.spec.weight]), Check(range=Range(column=job.spec.weight, min=0.0))]
    return found


def prediction_checks(session: Session, job: Job) -> list[Check]:
    """Return what the metric family asks of predictions."""
    spec = MetricSpec.of(job)
    places = {"{entity}": spec.entity, "{within}": spec.within, "{item}": spec.item}
    return [check.placed(places) for check in session.catalogue.get(spec.asset).header.prediction_checks]


def check_places(rules: Sequence[Rule]) -> dict[str, Identifier]:
    """Return the identifiers of a profile that hold the rules."""
    return {
        "counted": [named for rule in rules for named in rule.counted],
        "checked": [named for rule in rules for named in rule.checked],
    }


def offending_rows_statement(session: Session, table: TableName, key: Sequence[str], condition: Statement) -> Statement:
    """Read keys of rows that are wrong."""
    identifiers: dict[str, Identifier] = {"table": table, "key": list(key), "condition": condition}
    return session.statement("phases/offending_rows_v1", identifiers)


def _rules(session: Session, table: TableName, check: Check, name: str) -> Iterator[Rule]:
    if check.row_count:
        yield Rule(check.text, bounds=check.row_count)
    if check.rate:
        yield _rate(session, check, check.rate, name)
    if check.unique:
        yield _unique(session, table, check.unique, name)
    for number, column in enumerate(check.not_null or []):
        condition = _expression(session, "is_null", {"column": column})
        yield _row_rule(session, f"not_null {column}", condition, f"{name}_{number}")
    if check.accepted_values:
        condition = _not_accepted(session, check.accepted_values, name)
        yield _row_rule(session, check.text, condition, name)
    if check.range:
        values = {"low": check.range.min, "high": check.range.max}
        condition = _expression(session, "out_of_range", {"column": check.range.column}, values, name)
        yield _row_rule(session, check.text, condition, name)


def _row_rule(session: Session, text: str, condition: Statement, name: str) -> Rule:
    counted = count_wrong(session, condition)
    total = _expression(session, "sum_of", {"column": name})
    return Rule(text, [(name, counted)], [(name, total)], condition)


def unknown_labels_rule(session: Session) -> Rule:
    """Count labels that are NULL: nothing is known of them yet, which is no mistake."""
    return _row_rule(session, "unknown label", _expression(session, "is_null", {"column": LABEL}), "unknown")


def count_wrong(session: Session, condition: Statement) -> Statement:
    """Return the number of rows for which a condition holds."""
    return _expression(session, "count_wrong", {"condition": condition})


def _not_accepted(session: Session, rule: AcceptedValues, name: str) -> Statement:
    asset = "not_accepted_number" if rule.are_numbers else "not_accepted"
    accepted = [str(each).lower() if isinstance(each, bool) else each for each in rule.accepted]
    return _expression(session, asset, {"column": rule.column}, {"accepted": accepted}, name)


def _unique(session: Session, table: TableName, columns: Sequence[str], name: str) -> Rule:
    condition = _expression(session, "repeated", {"table": table, "columns": list(columns)})
    identity = _expression(session, "identity", {"columns": list(columns)})
    doubled = _expression(session, "doubled", {"column": name})
    return Rule(f"unique {', '.join(columns)}", [(name, identity)], [(name, doubled)], condition)


def _rate(session: Session, check: Check, bounds: Range, name: str) -> Rule:
    names = (f"{name}_sum", f"{name}_rows")
    parts = [_expression(session, asset, {"column": bounds.column}) for asset in ("sum_of", "count_of")]
    totals = [_expression(session, "sum_of", {"column": each}) for each in names]
    return Rule(check.text, list(zip(names, parts, strict=True)), list(zip(names, totals, strict=True)), bounds=bounds)


def _expression(
    session: Session,
    name: str,
    identifiers: Mapping[str, Identifier],
    values: Mapping[str, Any] | None = None,
    suffix: str = "",
) -> Statement:
    """Render an expression; its parameters get the check's name, for it may stand in a statement more than once."""
    return session.statement(f"checks/{name}_v1", identifiers, values, suffix=f"_{suffix}" if suffix else "")
