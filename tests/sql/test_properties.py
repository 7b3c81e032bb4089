"""Hostile names through every kind of identifier: refused, or one quoted name that says nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipeline.errors import RequestError
from pipeline.sql import Asset, Catalogue, TableName, render
from pipeline.sql.header import Header, split_header
from tests.support.dummy_project import dummy_project
from tests.support.matrices import drawn

FEW = drawn(60)
NASTY = [
    *(
        "`",
        "a`b",
        "a``b",
        "\\`",
        "a\\",
        "a'b",
        'a"b',
        "'''",
        "a;b",
        "; DROP TABLE x",
        "a--",
        "a -- b",
        "#a",
        "/*",
        "a*/b",
    ),
    *(
        "../a",
        "a/../b",
        "..",
        "a.b",
        "a b",
        "a\n",
        "\na",
        "a\tb",
        "a\x00b",
        "\x7f",
        "`{x}`",
        "{x}",
        "@a",
        "@@a",
        "$a",
        "?",
    ),
    *(
        "\u0430dmin",
        "\uff41",
        "\u00e9",
        "e\u0301",
        "\u2160",
        "\u0661",
        "a\u200b",
        "a\u202eb",
        "a\u2028b",
        "\ufeffa",
        "\u1d43",
    ),
    *("a" * 2000, "`" * 2000, "a." * 1000, ""),
]
BREAKERS = "`'\"\\;-#/*.{}@$ \n\t\x00\u2028\u200b\u0430\uff41\u0661aA0_"
hostile = st.one_of(st.sampled_from(NASTY), st.text(BREAKERS, max_size=12), st.text(max_size=12))
quoted_parts = {
    "table": re.compile(r"`[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_-]{1,1024}`", re.ASCII),
    "column": re.compile(r"`[A-Za-z_][A-Za-z0-9_]{0,299}`", re.ASCII),
    "name": re.compile(r"'[A-Za-z_][A-Za-z0-9_]{0,299}'", re.ASCII),
}


def asset(body, identifiers=None, parameters=None, name="a_v1"):
    header = Header(description="x", identifiers=identifiers or {}, parameters=parameters or {}, changes={"v1": "x"})
    return Asset(name, Path(f"{name}.sql"), header, body, body)


def says_one_line(error, longest, start=""):
    text = str(error)
    assert text.startswith(start)
    assert "\n" not in text
    assert len(text) < longest


def rendered(kind, value):
    """What stands between the marks, or None where the value is refused."""
    try:
        sql = render(asset("BEGIN `{x}` END", {"x": kind}), {"x": value}, {}).sql
    except RequestError as error:
        says_one_line(error, 3000)  # cut by the command line
        return None
    assert sql.startswith("BEGIN ")
    assert sql.endswith(" END")
    return sql.removeprefix("BEGIN ").removesuffix(" END")


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("kind", ["column", "name"])
def test_nasty_names_are_refused(kind, value):
    assert rendered(kind, value) is None
    assert rendered("columns", ["a", value]) is None


@FEW
@given(hostile)
def test_a_column_is_refused_or_quoted(text):
    found = rendered("column", text)
    assert found is None or (quoted_parts["column"].fullmatch(found) and found == f"`{text}`")


@FEW
@given(hostile)
def test_a_name_is_refused_or_a_literal(text):
    found = rendered("name", text)
    assert found is None or (quoted_parts["name"].fullmatch(found) and found == f"'{text}'")


@FEW
@given(st.lists(hostile, max_size=4))
def test_a_list_is_refused_or_quoted_one_by_one(texts):
    found = rendered("columns", texts)
    assert found is None or found == ", ".join(f"`{text}`" for text in texts)
    assert (found is None) == (not texts or not all(quoted_parts["column"].fullmatch(f"`{text}`") for text in texts))


@FEW
@given(hostile, st.sampled_from(["project", "dataset", "name"]), st.sampled_from(["table", "function"]))
@example("ends-with-", "project", "table")
def test_a_table_or_function_is_refused_or_one_quoted_name(text, part, kind):
    parts = {"project": "my-project", "dataset": "d", "name": "t"} | {part: text}
    try:
        table = TableName(**parts)
    except RequestError as error:
        says_one_line(error, 200)
        return
    assert quoted_parts["table"].fullmatch(rendered(kind, table))
    assert rendered(kind, table) == f"`{table}`"


@FEW
@given(hostile)
def test_a_parsed_table_is_refused_or_says_the_same(text):
    try:
        table = TableName.parse(text)
    except RequestError as error:
        says_one_line(error, 12_000)  # cut by the command line
        return
    assert str(table) == text
    assert quoted_parts["table"].fullmatch(table.quoted)


@FEW
@given(hostile)
def test_a_query_brings_its_text_and_no_name_of_it(text):
    nested = render(asset("SELECT @v AS x", parameters={"v": "STRING"}), {}, {"v": text})
    statement = render(asset("SELECT * FROM `{q}`", {"q": "query"}, name="o_v1"), {"q": nested}, {})
    assert statement.sql == "SELECT * FROM (\nSELECT @v AS x\n)"
    assert statement.values == {"v": text}


@FEW
@given(hostile)
def test_the_name_of_an_expression_is_refused_or_quoted(text):
    one = render(asset("COUNT(*)"), {}, {})
    found = rendered("expressions", [(text, one)])
    assert found is None or found == f"COUNT(*) AS `{text}`"
    assert (found is None) == (not quoted_parts["column"].fullmatch(f"`{text}`"))


@FEW
@given(hostile, st.sampled_from(["table", "function", "query", "expression", "expressions"]))
def test_text_is_no_table_query_or_expression(text, kind):
    assert rendered(kind, text) is None


@FEW
@given(hostile)
def test_asset_name_cannot_leave_the_folder(tmp_path_factory, text):
    with dummy_project(tmp_path_factory.mktemp("p")) as root:
        try:
            found = Catalogue(root).get(text)
        except RequestError as error:
            says_one_line(error, 3000)
        except ValueError:
            assume("\x00" not in text)  # no argument of a process and no YAML can hold it
            raise
        else:
            pytest.fail(f"{found.path} was read")


@FEW
@given(hostile)
def test_a_header_is_read_or_refused_in_one_line_with_its_file(text):
    try:
        header, body, _ = split_header(f"/*\ndescription: {text}\nchanges: {{v1: x}}\n*/\nSELECT 1\n", origin="x.sql")
    except RequestError as error:
        says_one_line(error, 3000, start="x.sql:")
    else:
        assert header.changes
        assert body.endswith("SELECT 1\n")


@FEW
@given(st.sampled_from(["parameters", "identifiers", "columns"]), hostile)
def test_a_hostile_key_of_a_header_is_no_part_of_the_text(key, text):
    kind = {"parameters": "STRING", "identifiers": "column", "columns": "STRING"}[key]
    body = "SELECT 1"
    try:
        header = Header(description="x", changes={"v1": "x"}, **{key: {text: kind}})
        one = Asset("a_v1", Path("a_v1.sql"), header, body, body)
        values = {text: "v"} if key == "parameters" else {}
        statement = render(one, {text: "c"} if key == "identifiers" else {}, values)
    except (RequestError, ValueError):
        return
    assert statement.sql == body


@FEW
@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001 - a zone is added below
@example(datetime(1, 1, 2))  # noqa: DTZ001
def test_every_snapshot_is_one_literal(moment):
    table = TableName("my-project", "d", "t")
    one = asset("SELECT 1 FROM `{t}` WHERE TRUE", {"t": "table"})
    at = moment.replace(tzinfo=UTC)
    sql = render(one, {"t": table}, {}, snapshot_at=at, snapshot_of=frozenset({"t"})).sql
    literal = re.fullmatch(r"SELECT 1 FROM `[^`]+` FOR SYSTEM_TIME AS OF TIMESTAMP '([^']+)' WHERE TRUE", sql)
    assert literal
    date, _, clock = literal.group(1).partition(" ")
    year, _, rest = date.partition("-")
    assert datetime.fromisoformat(f"{year:0>4}-{rest} {clock}:00") == at
