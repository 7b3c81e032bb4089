from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.project.job_checks import check_assets
from pipeline.project.project import Project
from pipeline.sql import Catalogue
from pipeline.sql.checks import MOST
from pipeline.sql.header import split_header
from tests.support.dummy_project import dummy_project, edit
from tests.support.integration_fixtures import ROOT

TEXT = """\
/*
description: Examples.
checks:
{}
changes: {{v1: first version}}
*/
SELECT 1
"""
KINDS = "not_null, unique, accepted_values, range, row_count, rate"
MIXED = "key checks.0.accepted_values.values: the values must be only texts, only numbers or only booleans"
NOT_ONE = f"key checks.0: a check is exactly one of {KINDS}"


def parsed(*checks: str):
    """The checks of a header."""
    text = TEXT.format("\n".join(f"  - {check}" for check in checks))
    return split_header(text, origin="x.sql")[0].checks


@pytest.mark.parametrize(
    ("check", "kind", "columns", "text"),
    [
        ("not_null: [a, b]", "not_null", ["a", "b"], "not_null a, b"),
        ("unique: [a, b]", "unique", ["a", "b"], "unique a, b"),
        (
            "accepted_values: {column: a, values: [x, y z, '1']}",
            "accepted_values",
            ["a"],
            "accepted_values a, values x y z 1",
        ),
        ("accepted_values: {column: a, values: [0, 0.5]}", "accepted_values", ["a"], "accepted_values a, values 0 0.5"),
        (
            "accepted_values: {column: a, values: [true, false]}",
            "accepted_values",
            ["a"],
            "accepted_values a, values True False",
        ),
        ("range: {column: a, min: 0, max: 1}", "range", ["a"], "range a, min 0.0, max 1.0"),
        ("range: {column: column, max: -1}", "range", ["column"], "range column, max -1.0"),
        ("row_count: {min: 100}", "row_count", [], "row_count min 100"),
        ("row_count: {min: 1, max: 2}", "row_count", [], "row_count min 1, max 2"),
        ("rate: {column: a, max: 0.5}", "rate", ["a"], "rate a, max 0.5"),
    ],
)
def test_each_kind_says_what_it_looks_at(check, kind, columns, text):
    found = parsed(check)[0]
    assert (found.kinds, found.columns, found.text) == ([kind], columns, text)


def test_bounds_that_are_left_out_are_the_largest_numbers():
    low, high, rows = parsed("range: {column: a, max: 1}", "range: {column: a, min: 1}", "row_count: {max: 5}")
    assert (low.range.min, low.range.max) == (-MOST, 1)
    assert (high.range.min, high.range.max) == (1, MOST)
    assert (rows.row_count.min, rows.row_count.max) == (0, 5)


@pytest.mark.parametrize("check", ["range: {column: a}", "rate: {column: a}", "row_count: {}"])
def test_a_check_without_bounds_is_refused(check):
    with pytest.raises(RequestError, match="neither min nor max is given"):
        parsed(check)


@pytest.mark.parametrize(
    "check", ["range: {column: a, min: true}", "rate: {column: a, max: '5'}", "row_count: {min: 1.5}"]
)
def test_bounds_are_numbers_as_they_are_written(check):
    with pytest.raises(RequestError, match=r"key checks\.0\.\w+\.(min|max): Input should be a valid"):
        parsed(check)


@pytest.mark.parametrize(
    ("values", "found", "are_numbers"),
    [
        ("'1', 'true', '2013-07-01', x", [(str, "1"), (str, "true"), (str, "2013-07-01"), (str, "x")], False),
        ("1, 0.5, -2, 1.0", [(int, 1), (float, 0.5), (int, -2), (float, 1.0)], True),
        ("true, false", [(bool, True), (bool, False)], False),
    ],
)
def test_values_are_of_one_kind_and_keep_their_types(values, found, are_numbers):
    rule = parsed(f"accepted_values: {{column: a, values: [{values}]}}")[0].accepted_values
    assert [(type(value), value) for value in rule.values] == found
    assert rule.are_numbers is are_numbers


@pytest.mark.parametrize("kind", ["range", "rate"])
def test_both_bounds_may_be_one_number(kind):
    rule = getattr(parsed(f"{kind}: {{column: a, min: 0.5, max: 0.5}}")[0], kind)
    assert (rule.min, rule.max) == (0.5, 0.5)
    (rows,) = parsed("row_count: {min: 7, max: 7}")
    assert (rows.row_count.min, rows.row_count.max) == (7, 7)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("range: {column: a, min: 1, max: 0.5}", "key checks.0.range: min 1.0 lies above max 0.5 - "),
        ("rate: {column: a, min: 0, max: -0.25}", "key checks.0.rate: min 0.0 lies above max -0.25 - "),
        ("row_count: {min: 101, max: 100}", "key checks.0.row_count: min 101 lies above max 100 - "),
        ("row_count: {max: -1}", "key checks.0.row_count: min 0 lies above max -1 - "),
    ],
)
def test_a_min_above_its_max_is_refused(check, said):
    with pytest.raises(RequestError) as caught:
        parsed(check)
    assert str(caught.value).startswith(f"x.sql: {said}")


@pytest.mark.parametrize("which", ["preprocess/examples", "evaluate/labels"])
@pytest.mark.parametrize(
    ("check", "column"),
    [
        ("range: {column: scale, min: 0}", "scale"),
        ("not_null: [id, idd]", "idd"),
        ("unique: [ID]", "ID"),
        ("accepted_values: {column: days, values: [1]}", "days"),
        ("rate: {column: labels, max: 1}", "labels"),
    ],
)
def test_undeclared_column_is_named_with_file_and_check(tmp_path, which, check, column):
    with dummy_project(tmp_path) as root:
        path = root / f"sql/dummy/{which}_v1.sql"
        edit(path, "changes:", f"checks:\n  - row_count: {{min: 1}}\n  - {check}\nchanges:")
        (_, wrong) = Catalogue(root).get(f"dummy/{which}_v1").header.checks
        with pytest.raises(RequestError) as caught:
            check_assets(Catalogue(root), Project.open(root).job("dummy"))
    said = f"{path}: key checks: {wrong.text}: no column {column} - name a column that the header declares"
    assert str(caught.value) == said


def test_checks_of_declared_columns_and_the_label_are_accepted(tmp_path):
    with dummy_project(tmp_path) as root:
        checks = "  - unique: [id, day]\n  - not_null: [label]\n  - row_count: {min: 1}"
        for which in ("preprocess/examples", "evaluate/labels"):
            edit(root / f"sql/dummy/{which}_v1.sql", "changes:", f"checks:\n{checks}\nchanges:")
        check_assets(Catalogue(root), Project.open(root).job("dummy"))


def test_one_kind_may_stand_more_than_once_and_the_order_stays():
    found = parsed("range: {column: b, min: 0}", "not_null: [a]", "range: {column: a, min: 0}", "not_null: [a]")
    assert [check.columns for check in found] == [["b"], ["a"], ["a"], ["a"]]


def test_no_checks_are_none():
    assert split_header(TEXT.replace("checks:\n{}\n", "").format(), origin="x.sql")[0].checks == []


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("nulls: [a]", "key checks.0.nulls: not a known key"),
        ("{not_null: [a], unique: [a]}", NOT_ONE),
        ("{rate: {column: a, min: 0}, range: {column: a, min: 0}}", NOT_ONE),
        ("{}", NOT_ONE),
        ("row_count:", NOT_ONE),
        ("text", "key checks.0: Input should be a valid dictionary"),
        ("not_null: []", "key checks.0.not_null: List should have at least 1 item"),
        ("not_null: a", "key checks.0.not_null: Input should be a valid list"),
        ("not_null: [1]", "key checks.0.not_null.0: Input should be a valid string"),
        ("unique: []", "key checks.0.unique: List should have at least 1 item"),
        ("accepted_values: {column: a, values: []}", "key checks.0.accepted_values.values: List should have at least"),
        ("accepted_values: {column: a}", "key checks.0.accepted_values.values: required, but missing"),
        ("accepted_values: {values: [1]}", "key checks.0.accepted_values.column: required, but missing"),
        ("accepted_values: {column: a, values: [x, 1]}", MIXED),
        ("accepted_values: {column: a, values: [1, true]}", MIXED),
        ("accepted_values: {column: a, values: [x, true]}", MIXED),
        ("accepted_values: {column: a, values: [x, null]}", MIXED),
        ("accepted_values: {column: a, values: [null]}", MIXED),
        ("accepted_values: {column: a, values: [[1]]}", MIXED),
        ("accepted_values: {column: a, values: [2013-07-01]}", f"{MIXED}; put dates in quotes"),
        ("accepted_values: {column: a, values: [.nan]}", "a value is malformed"),
        ("range: {min: 0}", "key checks.0.range.column: required, but missing"),
        ("range: {column: a, low: 0}", "key checks.0.range.low: not a known key"),
        ("range: {column: a, min: x}", "key checks.0.range.min: Input should be a valid number"),
        ("range: {column: a, min: .nan}", "a value is malformed"),
        ("range: {column: a, max: .inf}", "a value is malformed"),
        ("row_count: 100", "key checks.0.row_count: Input should be a valid dictionary"),
        ("row_count: {min: 0.5}", "key checks.0.row_count.min: Input should be a valid integer"),
        ("row_count: {min: -1}", "key checks.0.row_count.min: Input should be greater than or equal to 0"),
        ("row_count: {column: a}", "key checks.0.row_count.column: not a known key"),
        ("rate: {min: 0}", "key checks.0.rate.column: required, but missing"),
    ],
)
def test_what_is_wrong_in_a_check_is_named_with_file_and_key(check, said):
    with pytest.raises(RequestError) as caught:
        parsed(check)
    assert str(caught.value).startswith(f"x.sql: {said}")


def test_the_place_of_a_wrong_check_is_named():
    with pytest.raises(RequestError, match=r"x\.sql: key checks\.1\.unique: List should"):
        parsed("not_null: [a]", "unique: []")


def test_a_key_that_stands_twice_in_one_check_is_refused():
    with pytest.raises(RequestError, match=r"x\.sql:\d: not valid YAML \(key range comes twice\)"):
        parsed("range: {column: a}\n    range: {column: b}")


def test_checks_do_not_change_the_digest_of_a_file(tmp_path):
    path = tmp_path / "sql" / "a_v1.sql"
    path.parent.mkdir()
    path.write_text(TEXT.format("  - not_null: [a]"))
    before = Catalogue(tmp_path).get("a_v1")
    path.write_text(TEXT.format("  - not_null: [a, b]"))
    after = Catalogue(tmp_path).get("a_v1")
    assert before.digest == after.digest
    assert before.header.checks != after.header.checks


def test_the_metric_family_asks_for_labels_of_its_two_classes():
    (check,) = Catalogue(ROOT).get("metrics/binary_classification_v1").header.checks
    assert (check.columns, check.accepted_values.values) == (["label"], [0, 1])
