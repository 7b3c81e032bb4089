"""Runs a part of the matrix; `make faults` runs the whole matrix."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.faults.points import FIRST, Point, in_order
from tests.support.integration_fixtures import ROOT

POINTS, MINUTES = 8, 1.0
"""One point of each of the eight groups, another on another day. Minutes for a point."""
LAST = re.compile(r"^\| all \| (\d+) \| (\d+) \|.*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


@pytest.mark.long
def test_kill_points_of_the_day_lose_and_double_nothing():
    command = [sys.executable, "-m", "tests.faults.matrix", "--workers", "1"]
    options = ["--subset", str(POINTS), "--minutes", str(POINTS * MINUTES)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    total = LAST.search(done.stdout)
    assert total, done.stdout
    points, carried_out, *wrong = map(int, total.groups())
    assert carried_out == points == POINTS
    assert wrong == [0] * 5


def test_a_time_limit_leaves_points_of_every_group():
    sizes = {"a": 300, "b": 10, "c": 40}
    points = [Point(group, f"{group}{number}", None, None) for group, size in sizes.items() for number in range(size)]
    days = [in_order(points, seed) for seed in (1, 2)]
    for ordered in days:
        assert sorted(point.name for point in ordered) == sorted(point.name for point in points)
        assert sorted(point.group for point in ordered[: 3 * FIRST]) == sorted([*sizes] * FIRST)
    assert [point.name for point in days[0]] != [point.name for point in days[1]]
