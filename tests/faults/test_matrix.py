"""Runs a part of the matrix; `make faults` runs the whole matrix."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.integration_fixtures import ROOT

POINTS, MINUTES = 21, 0.6
"""Three points of each of the seven groups, other points on another day. Minutes for a point."""
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
