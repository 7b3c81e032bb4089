from __future__ import annotations

from pipeline.emulators.limits import HEADING, LIMITS, Limit
from tools.limits import PAGE, TABLES, with_tables


def test_documentation_holds_the_generated_tables():
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run: python -m tools.limits"
    assert f"\n## {HEADING}\n" in page
    assert all(page.count(f"<!-- limits: {name} -->") == 1 for name in TABLES)
    assert [limit for limits in TABLES.values() for limit in limits] == list(LIMITS)


def test_limit_is_one_line_without_marks_of_code():
    assert str(Limit("`a` is kept", "dropped: `b`")) == "  a is kept; here: dropped: b"
