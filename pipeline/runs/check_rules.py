"""Rules of data checks: expressions for the one statement that profiles a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.project.job_yaml import LABEL
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Named, Statement, TableName
from pipeline.sql.checks import AcceptedValues, Check, Range, RowCount

FIX_PREDICT = "fix the model's predict"
"""Hint where a model's predictions fail a check."""


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
        Expressions over the counts of all keys.
    condition
        Condition of a wrong row; None for a check of the whole table.
    bounds
        Bounds of the number of rows or of a rate.
    columns
        Columns with the wrong values of single rows.
    """

    name: str
    counted: Sequence[Named] = ()
    checked: Sequence[Named] = ()
    condition: Statement | None = None
    bounds: RowCount | Range | None = None
    columns: Sequence[str] = ()


def rules_of(session: Session, table: TableName, key: Sequence[str], checks: Sequence[Check]) -> list[Rule]:
    """Return the rules of a keyed table: its key is never NULL, and the given checks hold."""
    numbered = enumerate([Check(not_null=list(key)), *checks])
    return [rule for number, check in numbered for rule in _rules(session, table, check, f"check_{number}")]


def example_checks(session: Session, job: Job) -> list[Check]:
    """Return the checks of a job's examples: those of the examples SQL, and those of the label column."""
    of_label = [check for check in label_checks(session, job) if check.columns == [LABEL] and not check.not_null]
    return [*session.catalogue.get(job.spec.examples.sql).header.checks, *of_label]


def label_checks(session: Session, job: Job) -> list[Check]:
    """Return the checks of a job's labels: those of the labels SQL, and those of the metric family."""
    assets = (session.catalogue.get(name) for name in (job.spec.labels.sql, MetricSpec.of(job).asset))
    checks = [check for asset in assets for check in asset.header.checks]
    if job.spec.weight:
        checks += [Check(not_null=[job.spec.weight]), Check(range=Range(column=job.spec.weight, min=0.0))]
    return checks


def prediction_checks(session: Session, job: Job) -> list[Check]:
    """Return the checks of predictions that the metric family needs."""
    spec = MetricSpec.of(job)
    places = {"{entity}": spec.entity, "{within}": spec.within, "{item}": spec.item}
    return [check.placed(places) for check in session.catalogue.get(spec.asset).header.prediction_checks]


def check_places(rules: Sequence[Rule]) -> dict[str, Identifier]:
    """Return the identifiers of a profile with the expressions of the rules."""
    return {
        "counted": [named for rule in rules for named in rule.counted],
        "checked": [named for rule in rules for named in rule.checked],
    }


def offending_rows_statement(session: Session, table: TableName, key: Sequence[str], condition: Statement) -> Statement:
    """Read keys of wrong rows."""
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
        yield _row_rule(session, f"not_null {column}", condition, f"{name}_{number}", [column])
    if check.accepted_values:
        condition = _not_accepted(session, check.accepted_values, name)
        yield _row_rule(session, check.text, condition, name, [check.accepted_values.column])
    if check.range:
        values = {"low": check.range.min, "high": check.range.max}
        condition = _expression(session, "out_of_range", {"column": check.range.column}, values, name)
        yield _row_rule(session, check.text, condition, name, [check.range.column])


def _row_rule(session: Session, text: str, condition: Statement, name: str, columns: Sequence[str] = ()) -> Rule:
    counted = count_wrong(session, condition)
    total = _expression(session, "sum_of", {"column": name})
    return Rule(text, [(name, counted)], [(name, total)], condition, columns=columns)


def unknown_labels_rule(session: Session) -> Rule:
    """Return a rule that counts labels that are NULL: they are not known yet, which is not an error."""
    return _row_rule(session, "unknown label", _expression(session, "is_null", {"column": LABEL}), "unknown")


def count_wrong(session: Session, condition: Statement) -> Statement:
    """Return an expression that counts the rows for which a condition holds."""
    return _expression(session, "count_wrong", {"condition": condition})


def _not_accepted(session: Session, rule: AcceptedValues, name: str) -> Statement:
    asset = "not_accepted_number" if rule.are_numbers else "not_accepted"
    accepted = [str(value).lower() if isinstance(value, bool) else value for value in rule.accepted]
    return _expression(session, asset, {"column": rule.column}, {"accepted": accepted}, name)


def repeated(session: Session, table: TableName, columns: Sequence[str]) -> Statement:
    """Return the condition of a row that shares its values of some columns with another row."""
    return _expression(session, "repeated", {"table": table, "columns": list(columns)})


def _unique(session: Session, table: TableName, columns: Sequence[str], name: str) -> Rule:
    condition = repeated(session, table, columns)
    identity = _expression(session, "identity", {"columns": list(columns)})
    doubled = _expression(session, "doubled", {"column": name})
    return Rule(f"unique {', '.join(columns)}", [(name, identity)], [(name, doubled)], condition)


def _rate(session: Session, check: Check, bounds: Range, name: str) -> Rule:
    names = (f"{name}_sum", f"{name}_rows")
    parts = [_expression(session, asset, {"column": bounds.column}) for asset in ("sum_of", "count_of")]
    totals = [_expression(session, "sum_of", {"column": column}) for column in names]
    return Rule(check.text, list(zip(names, parts, strict=True)), list(zip(names, totals, strict=True)), bounds=bounds)


def _expression(
    session: Session,
    name: str,
    identifiers: Mapping[str, Identifier],
    values: Mapping[str, Any] | None = None,
    suffix: str = "",
) -> Statement:
    """Return an expression; its parameters get the check's name, because a statement may hold it more than once."""
    return session.statement(f"checks/{name}_v1", identifiers, values, suffix=f"_{suffix}" if suffix else "")
