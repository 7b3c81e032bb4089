from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RequestError
from pipeline.sql.identifiers import TableName, quote_columns, quote_name

HOSTILE = [
    "`",
    "a`b",
    "a'b",
    'a"b',
    "a;b",
    "a b",
    "a\n",
    "a\\",
    "a -- b",
    "a/*",
    "{a}",
    "@a",
    "",
    "é",
    "\uff11",
    "a\u2028",
    "\x00",
    "*",
]
SAFE_COLUMN = re.compile(r"`[A-Za-z_][A-Za-z0-9_]*`", re.ASCII)


def test_table_is_quoted_as_one_name():
    table = TableName.parse("my-project.data_set.table-1")
    assert table == TableName("my-project", "data_set", "table-1")
    assert table.quoted == "`my-project.data_set.table-1`"


@pytest.mark.parametrize("text", ["", "t", "d.t", "my-project.d.t.x", "my-project..t", "my-project.d.", ".d.t"])
def test_tables_have_three_parts(text):
    with pytest.raises(RequestError):
        TableName.parse(text)


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("position", ["project", "dataset", "name"])
def test_hostile_parts_of_tables_are_refused(part, position):
    parts = {"project": "my-project", "dataset": "d", "name": "t"} | {position: part}
    with pytest.raises(RequestError, match="is not a valid"):
        TableName(**parts)


@pytest.mark.parametrize("project", ["short", "Upper-case", "1-digit", "ends-with-", "x" * 31])
def test_projects_follow_the_rules_of_google(project):
    with pytest.raises(RequestError, match="not a valid project name"):
        TableName(project, "d", "t")


@pytest.mark.parametrize("name", [*HOSTILE, "1a", "a-b", "a.b", "a" * 301])
def test_hostile_columns_are_refused(name):
    with pytest.raises(RequestError, match="not a valid column name"):
        quote_columns(["ok", name])


@given(st.text(max_size=20))
def test_a_column_is_refused_or_one_quoted_name(name):
    try:
        quoted = quote_columns([name])
    except RequestError:
        assert not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII)
    else:
        assert SAFE_COLUMN.fullmatch(quoted)
        assert quoted == f"`{name}`"


@given(st.text(string.printable, max_size=40))
def test_table_name_cannot_end_its_quotes(text):
    try:
        quoted = TableName.parse(text).quoted
    except RequestError:
        return
    assert re.fullmatch(r"`[A-Za-z0-9_.-]+`", quoted)


def test_columns_are_quoted_one_by_one():
    assert quote_columns(["a", "_b1"]) == "`a`, `_b1`"


def test_a_list_of_columns_is_not_empty():
    with pytest.raises(RequestError, match="empty"):
        quote_columns([])


def test_names_become_string_literals():
    assert quote_name("flight_delay") == "'flight_delay'"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_not(name):
    with pytest.raises(RequestError):
        quote_name(name)


def test_long_hostile_names_are_cut_in_messages():
    with pytest.raises(RequestError) as caught:
        quote_columns(["x y" * 1000])
    assert len(str(caught.value)) < 150
