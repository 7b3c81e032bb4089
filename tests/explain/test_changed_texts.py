from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.explain.changes import changed_files, changed_lines

TEXTS = st.text("ab \n", max_size=12)


@settings(deadline=None, max_examples=200)
@given(TEXTS, TEXTS)
def test_lines_that_went_are_of_the_first_and_lines_that_came_are_of_the_second(a, b):
    lines = changed_lines(a, b)
    assert (lines == ()) == (a == b)
    old, new = (text.split("\n") if text else [] for text in (a, b))
    went = [line[1:] for line in lines if line.startswith("-")]
    came = [line[1:] for line in lines if line.startswith("+")]
    assert len(old) - len(went) == len(new) - len(came)
    assert set(went) <= set(old)
    assert set(came) <= set(new)


def test_one_changed_line_is_shown_with_its_place():
    assert changed_lines("a\nb\nc\n", "a\nB\nc\n") == ("@@ -2 +2 @@", "-b", "+B")
    assert changed_lines("a\r\nb\r\n", "a\nb\n") == ()
    assert changed_lines("--- a", "+++ b") == ("@@ -1 +1 @@", "---- a", "++++ b")


def test_files_are_changed_added_and_removed():
    a, b = {"x.py": "1\n", "y.py": "2\n", "z.py": ""}, {"x.py": "1\n", "y.py": "3\n", "w.py": "4\n"}
    found = [(change.what, change.kind, change.lines) for change in changed_files(a, b)]
    assert found == [
        ("w.py", "added", ("@@ -0,0 +1,2 @@", "+4", "+")),
        ("y.py", "changed", ("@@ -1 +1 @@", "-2", "+3")),
        ("z.py", "removed", ()),
    ]
