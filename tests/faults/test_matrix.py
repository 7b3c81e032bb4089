"""A part of the matrix in each run of all tests; `make faults` runs all of it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.integration_fixtures import ROOT

POINTS, MINUTES = 21, 0.6
"""Three of each of the seven groups, each day others. Minutes for a point."""
LAST = re.compile(r"^\| all \| (\d+) \| (\d+) \|.*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


@pytest.mark.long
def test_kill_points_of_the_day_lose_and_double_nothing():
    command = [sys.executable, "-m", "tests.faults.matrix", "--workers", "1"]
    options = ["--subset", str(POINTS), "--minutes", str(POINTS * MINUTES)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST.search(done.stdout)
    assert found, done.stdout
    points, carried_out, *wrong = map(int, found.groups())
    assert carried_out == points == POINTS
    assert wrong == [0] * 5
