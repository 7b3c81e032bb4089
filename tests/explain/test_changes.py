from __future__ import annotations

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.digests import canonical_json
from pipeline.explain.changes import Change, changes_of

KEYS = st.text("abc", min_size=1, max_size=2)
LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, "x"]) | st.lists(st.integers(0, 1))
TREES = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3)), max_size=4)


def patched(tree, changes):
    """The tree with the changes made: what it has to become."""
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


@settings(deadline=None, max_examples=200)
@given(TREES, TREES)
def test_the_changes_make_one_out_of_the_other(a, b):
    changes = list(changes_of(a, b))
    assert canonical_json(patched(a, changes)) == canonical_json(b)
    assert (changes == []) == (canonical_json(a) == canonical_json(b))
    mirrored = [(change.what, change.b, change.a) for change in changes]
    assert mirrored == [(change.what, change.a, change.b) for change in changes_of(b, a)]


def test_a_change_names_the_whole_path():
    a = {"examples": {"parameters": {"late_minutes": 15, "old": None}}, "ks": [5, 10]}
    b = {"examples": {"parameters": {"late_minutes": 30}}, "ks": [5, 20], "new": {}}
    assert list(changes_of(a, b)) == [
        Change("examples.parameters.late_minutes", "changed", 15, 30),
        Change("examples.parameters.old", "removed"),
        Change("ks", "changed", [5, 10], [5, 20]),
        Change("new", "added", b={}),
    ]


def test_what_digests_tell_apart_differs():
    assert [change.what for change in changes_of({"x": 1, "y": True}, {"x": 1.0, "y": True})] == ["x"]
