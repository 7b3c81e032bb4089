from __future__ import annotations

import re

from pipeline.emulators.limits import HEADING, LIMITS, Limit
from tests.emulators.test_documentation import PAGE


def documented():
    """The first two columns of every table that compares the cloud with the local target."""
    page = PAGE.read_text(encoding="utf-8")
    assert f"\n## {HEADING}\n" in page
    tables = re.findall(r"^\| in the cloud \| here \|.*\n\|---.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert len(tables) == page.count("| in the cloud |") == 3
    rows = [line.strip("|").split(" | ") for table in tables for line in table.splitlines()]
    return [tuple(cell.strip() for cell in row[:2]) for row in rows]


def test_the_documentation_holds_what_doctor_prints():
    assert documented() == list(LIMITS)
    assert len(LIMITS) > 10


def test_a_limit_is_one_line_without_marks_of_code():
    text = str(Limit("`a` is kept", "dropped: `b`"))
    assert text == "  a is kept; here: dropped: b"
