from __future__ import annotations

from pipeline.local.limits import HEADING, LIMITS
from tests.local.test_documentation import PAGE


def documented():
    """The first two columns of the tables of the section."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {HEADING}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in row[:2]) for row in cells if row[0].strip() != "in the cloud"]


def test_the_documentation_holds_what_doctor_prints():
    assert documented() == list(LIMITS)
    assert len(LIMITS) > 10


def test_a_limit_is_one_line_without_marks_of_code():
    assert str(LIMITS[0]).startswith("  if_generation_match=0 creates an object once, whatever its size; here: ")
