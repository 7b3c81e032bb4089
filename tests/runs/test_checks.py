from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.errors import CheckError
from pipeline.project.project import Project
from pipeline.runs.check_rules import rules_of
from pipeline.runs.checks import CheckResult, as_details, judge, refuse_failed
from pipeline.runs.session import Session
from pipeline.sql import TableName
from pipeline.sql.checks import Check
from tests.support.dummy_project import offline_target
from tests.support.integration_fixtures import ROOT

TABLE = TableName("pipeline-local", "ml_runs", "examples")
KEY = ["id", "day"]
NONE_WRONG = {"row_count": 3, "check_0_0": 0, "check_0_1": 0}


@pytest.fixture(scope="module")
def session():
    return Session.open(Project.open(ROOT), offline_target())


@pytest.fixture
def asked(monkeypatch):
    """Statements that would have been sent; five keys answer each."""
    sent = []

    def rows(_, statement):
        sent.append(statement)
        return [{"id": number, "day": date(2013, 7, 1)} for number in range(4)] + [{"id": None, "day": None}]

    monkeypatch.setattr(Warehouse, "rows", rows)
    return sent


def rules(session, *checks):
    return rules_of(session, TABLE, KEY, [Check.model_validate(check) for check in checks])


def judged(session, check, **profile):
    """What one check found."""
    return judge(rules(session, check), {**NONE_WRONG, **profile})[-1]


def refused(session, found, results):
    with pytest.raises(CheckError) as caught:
        refuse_failed(session, TABLE, KEY, found, results)
    assert caught.value.exit_code == 3
    return str(caught.value)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ({"not_null": ["a"]}, "check_1_0"),
        ({"unique": ["a"]}, "check_1"),
        ({"accepted_values": {"column": "a", "values": [1]}}, "check_1"),
        ({"range": {"column": "a", "min": 0}}, "check_1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_rows_are_counted(session, check, name):
    assert [judged(session, check, **{name: count}).failed for count in (0, 1, 7)] == [0, 1, 7]
    assert judged(session, check, **{name: 7}).seen is None


def test_a_table_without_rows_has_no_wrong_rows(session):
    found = judge(
        rules(session, {"range": {"column": "a", "min": 0}}), {"check_0_0": None, "check_0_1": None, "check_1": None}
    )
    assert [result.failed for result in found] == [0, 0, 0]


def test_each_column_has_its_own_result(session):
    found = judge(rules(session, {"not_null": ["a", "b"]}), {**NONE_WRONG, "check_1_0": 2, "check_1_1": 0})
    assert [(result.check, result.failed) for result in found] == [
        ("not_null id", 0),
        ("not_null day", 0),
        ("not_null a", 2),
        ("not_null b", 0),
    ]


@pytest.mark.parametrize(("rows", "failed"), [(9, 1), (10, 0), (11, 0), (20, 0), (21, 1), (0, 1)])
def test_both_bounds_of_a_row_count_are_allowed(session, rows, failed):
    result = judged(session, {"row_count": {"min": 10, "max": 20}}, row_count=rows)
    assert (result.failed, result.seen) == (failed, rows)


@pytest.mark.parametrize(
    ("bounds", "rows", "failed"),
    [({"min": 1}, 2**62, 0), ({"min": 1}, 0, 1), ({"max": 0}, 0, 0), ({"max": 0}, 1, 1), ({"min": 0}, 10**12, 0)],
)
def test_a_row_count_may_have_one_bound(session, bounds, rows, failed):
    assert judged(session, {"row_count": bounds}, row_count=rows).failed == failed


def test_the_row_count_of_an_empty_table_is_zero(session):
    result = judged(session, {"row_count": {"min": 1}}, row_count=None)
    assert (result.failed, result.seen) == (1, 0)


@pytest.mark.parametrize(
    ("total", "rows", "seen", "failed"),
    [
        (1.0, 4, 0.25, 0),
        (3, 4, 0.75, 0),
        (2, 4, 0.5, 0),
        (1, 5, 0.2, 1),
        (4, 5, 0.8, 1),
        (0, 5, 0.0, 1),
        (-1.0, 4, -0.25, 1),
    ],
)
def test_both_bounds_of_a_rate_are_allowed(session, total, rows, seen, failed):
    check = {"rate": {"column": "a", "min": 0.25, "max": 0.75}}
    result = judged(session, check, check_1_sum=total, check_1_rows=rows)
    assert (result.seen, result.failed) == (seen, failed)


@pytest.mark.parametrize("rows", [0, None])
def test_the_rate_of_no_values_is_null_and_not_judged(session, rows):
    result = judged(session, {"rate": {"column": "a", "min": 0.25}}, check_1_sum=None, check_1_rows=rows)
    assert (result.seen, result.failed) == (None, 0)


@pytest.mark.parametrize("total", [float("nan"), float("inf"), float("-inf")])
def test_a_rate_of_nan_or_infinity_always_fails(session, total):
    assert judged(session, {"rate": {"column": "a", "min": 0}}, check_1_sum=total, check_1_rows=4).failed == 1


@pytest.mark.parametrize("total", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_recorded_as_text(session, total):
    (found,) = as_details([judged(session, {"rate": {"column": "a", "min": 0}}, check_1_sum=total, check_1_rows=4)])
    assert found == {"check": "rate a, min 0.0", "failed": 1, "seen": str(total)}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_other_results_are_recorded_as_numbers_and_null():
    found = [CheckResult("not_null a", 2), CheckResult("row_count min 1", 0, 3.0), CheckResult("rate a", 0, 0.0)]
    assert as_details(found) == [
        {"check": "not_null a", "failed": 2, "seen": None},
        {"check": "row_count min 1", "failed": 0, "seen": 3.0},
        {"check": "rate a", "failed": 0, "seen": 0.0},
    ]


def test_the_rate_of_a_numeric_column_fits_into_json(session):
    result = judged(session, {"rate": {"column": "a", "max": 0.5}}, check_1_sum=Decimal(3), check_1_rows=4)
    assert (type(result.seen), result.seen, result.failed) == (float, 0.75, 1)


def test_without_a_failure_no_statement_is_sent(session, asked):
    found = rules(session, {"row_count": {"min": 1}})
    refuse_failed(session, TABLE, KEY, found, judge(found, NONE_WRONG))
    assert asked == []


def test_wrong_rows_are_refused_with_their_number_and_keys(session, asked):
    found = rules(session, {"range": {"column": "a", "min": 0, "max": 1}})
    assert refused(session, found, judge(found, NONE_WRONG | {"check_1": 1234})) == (
        f"{TABLE}: check range a, min 0.0, max 1.0 failed: 1234 rows, e.g. id, day ="
        " 0, 2013-07-01; 1, 2013-07-01; 2, 2013-07-01; 3, 2013-07-01; None, None - fix the SQL or its sources"
    )
    assert [statement.asset.name.rpartition("/")[2] for statement in asked] == ["offending_rows_v1"]
    assert asked[0].values == {"low_check_1": 0, "high_check_1": 1}


def test_a_wrong_number_of_rows_is_refused_without_keys(session, asked):
    found = rules(session, {"row_count": {"min": 10}})
    said = refused(session, found, judge(found, NONE_WRONG))
    assert said == f"{TABLE}: check row_count min 10 failed: found 3 - fix the SQL or its sources"
    assert asked == []


def test_a_wrong_rate_is_refused_with_its_value(session, asked):
    found = rules(session, {"rate": {"column": "a", "max": 0.25}})
    said = refused(session, found, judge(found, NONE_WRONG | {"check_1_sum": 1, "check_1_rows": 3}))
    assert said == f"{TABLE}: check rate a, max 0.25 failed: found 0.333333333333333 - fix the SQL or its sources"
    assert asked == []


def test_a_rate_is_shown_with_digits_that_differ_from_its_bound(session, asked):
    found = rules(session, {"row_count": {"max": 12_345_678}})
    said = refused(session, found, judge(found, NONE_WRONG | {"row_count": 12_345_679}))
    assert "check row_count max 12345678 failed: found 12345679 - " in said
    found = rules(session, {"rate": {"column": "a", "max": 0.5}})
    said = refused(session, found, judge(found, NONE_WRONG | {"check_1_sum": 0.50000001, "check_1_rows": 1}))
    assert "check rate a, max 0.5 failed: found 0.50000001 - " in said


@pytest.mark.parametrize(("count", "rows"), [(1, "1 row"), (2, "2 rows"), (100, "100 rows")])
def test_one_row_is_singular_in_the_message(session, asked, count, rows):
    found = rules(session, {"not_null": ["a"]})
    assert f" failed: {rows}, e.g. " in refused(session, found, judge(found, NONE_WRONG | {"check_1_0": count}))


def test_the_first_failure_is_shown_and_the_others_are_counted(session, asked):
    found = rules(session, {"row_count": {"min": 1}}, {"not_null": ["a", "b"]}, {"row_count": {"max": 2}})
    results = judge(found, NONE_WRONG | {"check_2_0": 0, "check_2_1": 2, "check_0_1": 1})
    said = refused(session, found, results)
    assert "check not_null day failed: 1 row, e.g. id, day = 0, 2013-07-01; " in said
    assert " (checks that failed: 3) - fix" in said
    assert len(asked) == 1


def test_a_result_belongs_to_its_rule(session):
    with pytest.raises(ValueError, match="zip"):
        refuse_failed(session, TABLE, KEY, rules(session), [CheckResult("not_null id", 0)])
