from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RequestError
from pipeline.sql import Asset, TableName, render
from pipeline.sql.header import Header

ITEMS = TableName("my-project", "ml", "items")
MOMENT = datetime(2013, 7, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-4)))


def asset(body: str, identifiers=None, parameters=None, name="a_v1") -> Asset:
    header = Header(description="x", identifiers=identifiers or {}, parameters=parameters or {}, changes={"v1": "x"})
    return Asset(name, Path(f"{name}.sql"), header, body, body)


SELECT = asset("SELECT id FROM `{items}` WHERE t <= @as_of;\n", {"items": "table"}, {"as_of": "TIMESTAMP"})


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("table", ITEMS, "`my-project.ml.items`"),
        ("function", ITEMS, "`my-project.ml.items`"),
        ("column", "a", "`a`"),
        ("columns", ["a", "b"], "`a`, `b`"),
        ("name", "dummy", "'dummy'"),
    ],
)
def test_each_kind_of_identifier_is_quoted(kind, value, text):
    assert render(asset("SELECT `{x}`, `{x}`", {"x": kind}), {"x": value}, {}).sql == f"SELECT {text}, {text}"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("table", "my-project.ml.items"),
        ("function", "f"),
        ("column", ["a"]),
        ("column", ITEMS),
        ("columns", "abc"),
        ("name", ITEMS),
        ("query", "SELECT 1"),
        ("query", ITEMS),
    ],
)
def test_a_value_of_another_kind_is_refused(kind, value):
    with pytest.raises(RequestError, match=f"a_v1.sql: identifier x must be a {kind}"):
        render(asset("`{x}`", {"x": kind}), {"x": value}, {})


@given(st.text(max_size=30))
def test_values_never_become_text(value):
    statement = render(asset("SELECT @v", parameters={"v": "STRING"}), {}, {"v": value})
    assert (statement.sql, statement.values, statement.types) == ("SELECT @v", {"v": value}, {"v": "STRING"})


def test_a_column_cannot_bring_another_place():
    with pytest.raises(RequestError, match="not a valid column name"):
        render(asset("`{a}`, `{b}`", {"a": "column", "b": "column"}), {"a": "`{b}`", "b": "x"}, {})


@pytest.mark.parametrize(
    ("identifiers", "values", "said"),
    [
        ({}, {"as_of": MOMENT}, "identifier items is missing"),
        ({"items": ITEMS, "more": ITEMS}, {"as_of": MOMENT}, "identifier more is not declared"),
        ({"items": ITEMS}, {}, "parameter as_of is missing"),
        ({"items": ITEMS}, {"as_of": MOMENT, "more": 1}, "parameter more is not declared"),
    ],
)
def test_missing_and_extra_names_are_refused(identifiers, values, said):
    with pytest.raises(RequestError, match=f"a_v1.sql: {said}"):
        render(SELECT, identifiers, values)


@pytest.mark.parametrize(
    ("body", "said"),
    [("SELECT 1", "identifier x is declared but not used"), ("`{x}` `{y}`", "`{y}` is not declared")],
)
def test_places_and_header_have_to_agree(body, said):
    with pytest.raises(RequestError, match=re.escape(f"a_v1.sql: {said}")):
        render(asset(body, {"x": "column"}), {"x": "a"}, {})


def test_base_tables_are_read_at_the_snapshot():
    statement = render(
        asset("FROM `{items}` JOIN `{run}`", {"items": "table", "run": "table"}),
        {"items": ITEMS, "run": ITEMS},
        {},
        snapshot_at=MOMENT,
        snapshot_of=frozenset({"items"}),
    )
    snapshot = "FOR SYSTEM_TIME AS OF TIMESTAMP '2013-07-01 06:03:04.000005+00'"
    assert statement.sql == f"FROM `my-project.ml.items` {snapshot} JOIN `my-project.ml.items`"


def test_without_a_moment_tables_are_read_as_they_are():
    statement = render(SELECT, {"items": ITEMS}, {"as_of": MOMENT}, snapshot_of=frozenset({"items"}))
    assert "SYSTEM_TIME" not in statement.sql


def outer(value, **parameters):
    body = asset("SELECT * FROM `{q}` LIMIT @n", {"q": "query"}, {"n": "INT64", **parameters}, name="outer_v1")
    return render(body, {"q": render(SELECT, {"items": ITEMS}, {"as_of": MOMENT})}, {"n": 1, **value})


def test_nested_query_has_parentheses_and_its_parameters():
    statement = outer({})
    assert statement.sql == ("SELECT * FROM (\nSELECT id FROM `my-project.ml.items` WHERE t <= @as_of\n) LIMIT @n")
    assert statement.values == {"n": 1, "as_of": MOMENT}
    assert statement.types == {"n": "INT64", "as_of": "TIMESTAMP"}
    assert [part.name for part in statement.assets] == ["outer_v1", "a_v1"]
    assert statement.asset.name == "outer_v1"


def test_parameter_with_one_type_and_value_may_be_shared():
    assert outer({"as_of": MOMENT}, as_of="TIMESTAMP").values["as_of"] == MOMENT


@pytest.mark.parametrize(
    ("value", "kind"),
    [(datetime(2013, 7, 1, tzinfo=UTC), "TIMESTAMP"), ("2013-07-01", "STRING"), (None, "DATE"), (None, "TIMESTAMP")],
    ids=["value", "type", "type of NULL", "NULL"],
)
def test_a_parameter_with_two_meanings_is_refused(value, kind):
    with pytest.raises(RequestError, match="parameter as_of has two values"):
        outer({"as_of": value}, as_of=kind)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("STRING", MOMENT, "declared STRING; datetime"),
        ("INT64", "fifteen", "declared INT64; 'fifteen' is not"),
        ("INT64", True, "declared INT64; True is not"),
        ("TIMESTAMP", MOMENT.replace(tzinfo=None), "declared TIMESTAMP; datetime"),
        (["INT64"], [1, "2"], r"declared \['INT64'\]; \[1, '2'\] is not"),
        ([{"a": "INT64"}], [{"a": "x"}], r"declared \[\{'a': 'INT64'\}\]; "),
    ],
)
def test_a_value_of_another_type_is_refused(kind, value, said):
    hint = r"fix the value in job\.yaml, or the header"
    with pytest.raises(RequestError, match=rf"^a_v1\.sql: parameter v is {said}.* - {hint}$"):
        render(asset("SELECT @v", parameters={"v": kind}), {}, {"v": value})


def test_a_long_value_is_cut():
    with pytest.raises(RequestError) as caught:
        render(asset("SELECT @v", parameters={"v": "INT64"}), {}, {"v": "x" * 100_000})
    assert len(str(caught.value)) < 200


def test_digest_covers_nested_assets_and_no_values():
    def digest(body, n):
        nested = render(asset(body), {}, {})
        limit = asset("FROM `{q}` LIMIT @n", {"q": "query"}, {"n": "INT64"}, name="o")
        return render(limit, {"q": nested}, {"n": n}).digest

    assert digest("SELECT 1", 1) == digest("SELECT 1", 2)
    assert digest("SELECT 1", 1) != digest("SELECT 2", 1)
