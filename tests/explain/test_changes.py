from __future__ import annotations

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.digests import canonical_json
from pipeline.explain.changes import Change, changed_files, changed_lines, changes_of
from tests.support.matrices import drawn

KEYS = st.text("abc", min_size=1, max_size=2)
LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, "x"]) | st.lists(st.integers(0, 1))
TEXTS = st.text("ab \n", max_size=12)
TREES = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3)), max_size=4)


def patched(tree, changes):
    """Return the tree with the changes made."""
    tree = deepcopy(tree)
    for change in changes:
        *path, last = change.what.split(".")
        inner = tree
        for key in path:
            inner = inner[key]
        if change.kind == "removed":
            del inner[last]
        else:
            inner[last] = change.b
    return tree


@drawn(200)
@given(TREES, TREES)
def test_changes_turn_one_tree_into_the_other(a, b):
    changes = list(changes_of(a, b))
    assert canonical_json(patched(a, changes)) == canonical_json(b)
    assert (changes == []) == (canonical_json(a) == canonical_json(b))
    mirrored = [(change.what, change.b, change.a) for change in changes]
    assert mirrored == [(change.what, change.a, change.b) for change in changes_of(b, a)]


def test_change_names_the_whole_path():
    a = {"examples": {"parameters": {"late_minutes": 15, "old": None}}, "ks": [5, 10]}
    b = {"examples": {"parameters": {"late_minutes": 30}}, "ks": [5, 20], "new": {}}
    assert list(changes_of(a, b)) == [
        Change("examples.parameters.late_minutes", "changed", 15, 30),
        Change("examples.parameters.old", "removed"),
        Change("ks", "changed", [5, 10], [5, 20]),
        Change("new", "added", b={}),
    ]


def test_integer_differs_from_equal_float():
    assert [change.what for change in changes_of({"x": 1, "y": True}, {"x": 1.0, "y": True})] == ["x"]


@drawn(200)
@given(TEXTS, TEXTS)
def test_changed_lines_lead_from_one_text_to_the_other(a, b):
    lines = changed_lines(a, b)
    assert (lines == ()) == (a == b)
    old, new = (text.split("\n") if text else [] for text in (a, b))
    removed = [line[1:] for line in lines if line.startswith("-")]
    added = [line[1:] for line in lines if line.startswith("+")]
    assert len(old) - len(removed) == len(new) - len(added)
    assert set(removed) <= set(old)
    assert set(added) <= set(new)


def test_changed_line_is_shown_with_its_position():
    assert changed_lines("a\nb\nc\n", "a\nB\nc\n") == ("@@ -2 +2 @@", "-b", "+B")
    assert changed_lines("a\r\nb\r\n", "a\nb\n") == ()
    assert changed_lines("--- a", "+++ b") == ("@@ -1 +1 @@", "---- a", "++++ b")


def test_files_are_changed_added_and_removed():
    a, b = {"x.py": "1\n", "y.py": "2\n", "z.py": ""}, {"x.py": "1\n", "y.py": "3\n", "w.py": "4\n"}
    changes = [(change.what, change.kind, change.lines) for change in changed_files(a, b)]
    assert changes == [
        ("w.py", "added", ("@@ -0,0 +1,2 @@", "+4", "+")),
        ("y.py", "changed", ("@@ -1 +1 @@", "-2", "+3")),
        ("z.py", "removed", ()),
    ]
