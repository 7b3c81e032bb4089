"""Released versions never change: what was edited or removed is named, with the version to make instead."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import RequestError
from pipeline.sql import Catalogue
from pipeline.sql.released import broken_releases, freeze, read_released, released_file
from tests.support.dummy_project import dummy_project, edit

EXAMPLES, METRICS, HALF = "dummy/preprocess/examples_v1", "metrics/binary_classification_v1", "udf/half"
SQL = f"sql/{EXAMPLES}.sql"


@pytest.fixture
def root(tmp_path):
    with dummy_project(tmp_path) as root:
        yield root


def freeze_now(root, *names):
    return freeze(Catalogue(root), root, names)


def broken(root):
    return broken_releases(Catalogue(root), root)


def add_version(root, number):
    (root / SQL).with_name(f"examples_v{number}.sql").write_bytes((root / SQL).read_bytes())


def test_without_a_list_nothing_is_released(root):
    assert read_released(root) == {}
    assert broken(root) == {}


def test_everything_is_released_where_nothing_is_named(root):
    names = Catalogue(root).names()
    assert freeze_now(root) == names
    assert read_released(root) == {name: Catalogue(root).any(name).digest for name in names}
    assert HALF in names


def test_only_what_is_named_is_released_and_only_once(root):
    assert freeze_now(root, EXAMPLES) == [EXAMPLES]
    assert freeze_now(root, EXAMPLES) == []
    assert set(read_released(root)) == {EXAMPLES}
    assert EXAMPLES not in freeze_now(root)


def test_list_is_sorted_json_and_leaves_no_other_file(root):
    freeze_now(root, METRICS)
    freeze_now(root, EXAMPLES)
    lines = released_file(root).read_text().splitlines()
    assert [line.split('"')[1] for line in lines[1:-1]] == [EXAMPLES, METRICS]
    assert [path.name for path in released_file(root).parent.iterdir() if path.is_file()] == ["released.json"]
    before = released_file(root).read_bytes()
    freeze_now(root, EXAMPLES)
    assert released_file(root).read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("description: Examples.", "description: Rows."),
        ("changes: {v1: first version}", "changes: {v1: first version, v2: second}"),
        ("columns: {id: INT64, day: DATE,", "checks: [{not_null: [id]}]\ncolumns: {id: INT64, day: DATE,"),
        ("*/\n", "*/\n\n\n"),
        ("@as_of\n", "@as_of\n\n  \n"),
        ("\n", "\r\n"),
    ],
)
def test_header_comments_and_blank_lines_are_not_a_change(root, old, new):
    freeze_now(root)
    path = root / SQL
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())
    assert broken(root) == {}
    assert freeze_now(root) == []


@pytest.mark.parametrize(
    ("old", "new"), [("SELECT id", "SELECT  id"), ("<= @as_of", "< @as_of"), ("of FROM", "of\nFROM")]
)
def test_an_edited_body_is_named_with_the_next_version(root, old, new):
    freeze_now(root)
    edit(root / SQL, old, new)
    expected = "was released with another body; restore it and make dummy/preprocess/examples_v2"
    assert broken(root) == {EXAMPLES: expected}


@pytest.mark.parametrize(("others", "following"), [((2,), 3), ((2, 9, 10), 11), ((7,), 8)])
def test_the_next_version_comes_after_all_that_there_are(root, others, following):
    freeze_now(root)
    for number in others:
        add_version(root, number)
    edit(root / SQL, "SELECT id", "SELECT 1 + id AS id")
    assert broken(root)[EXAMPLES].endswith(f"make dummy/preprocess/examples_v{following}")


def test_a_removed_version_is_named_even_beside_its_successor(root):
    freeze_now(root)
    add_version(root, 2)
    (root / SQL).unlink()
    assert broken(root) == {EXAMPLES: "was released and is missing; restore it"}


def test_an_edited_function_breaks_itself_and_what_names_it(root):
    freeze_now(root)
    edit(root / "udf/half.sql", "SELECT 0.5", "SELECT 0.25")
    found = broken(root)
    assert set(found) == {METRICS, HALF}
    assert found[HALF].endswith("restore it and make udf/half_2")
    assert found[METRICS].endswith("make metrics/binary_classification_v2")


def test_new_version_of_a_released_asset_can_be_released(root):
    freeze_now(root)
    add_version(root, 2)
    edit((root / SQL).with_name("examples_v2.sql"), "SELECT id", "SELECT id + 0 AS id")
    assert broken(root) == {}
    assert freeze_now(root) == ["dummy/preprocess/examples_v2"]


def test_nothing_is_released_beside_what_is_broken(root):
    freeze_now(root, EXAMPLES)
    before = released_file(root).read_bytes()
    edit(root / SQL, "SELECT id", "SELECT 2 AS id")
    with pytest.raises(RequestError, match=f"{EXAMPLES} was released with another body; .* - see pipeline sql list"):
        freeze_now(root, METRICS)
    assert released_file(root).read_bytes() == before


@pytest.mark.parametrize(
    "name", ["nope_v1", "", "dummy/preprocess/examples", "../x_v1", "udf/../udf/half", "a\x00b", "é"]
)
def test_an_unknown_version_is_not_released(root, name):
    with pytest.raises(RequestError, match="no such version - see pipeline sql list"):
        freeze_now(root, EXAMPLES, name)
    assert not released_file(root).exists()


@pytest.mark.parametrize("content", ["", "{", "nonsense", '{"a": "1",}', "\ufeff{}", b"\xff\xfe"])
def test_a_list_that_is_no_json_is_named(root, content):
    released_file(root).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RequestError, match=r"released\.json: not valid JSON \(.*\) - restore it from git"):
        broken(root)


@pytest.mark.parametrize("content", [[], "x", None, 1, {"a": 1}, {"a": None}, {"a": ["x"]}, {"a": {"b": "c"}}])
def test_a_list_of_another_form_is_named(root, content):
    released_file(root).write_text(json.dumps(content))
    with pytest.raises(RequestError, match=r"released\.json: not an object of names and digests"):
        freeze_now(root)
    assert json.loads(released_file(root).read_text()) == content
