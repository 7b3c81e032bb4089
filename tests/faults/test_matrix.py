"""A part of the matrix in each run of the tests; `make faults` runs all of it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.integration_fixtures import ROOT

FEW, EVERY_CASE, MINUTES = 2, 21, 0.6
"""Points of so many of the seven groups, each day others; with every case three of each. Minutes for a point."""
LAST = re.compile(r"^\| all \| (\d+) \| (\d+) \|.*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


def test_nothing_is_lost_doubled_wrong_or_torn_at_points_of_the_day(pytestconfig):
    wanted = EVERY_CASE if pytestconfig.getoption("--every-case") else FEW
    command = [sys.executable, "-m", "tests.faults.matrix", "--workers", "1"]
    options = ["--subset", str(wanted), "--minutes", str(wanted * MINUTES)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST.search(done.stdout)
    assert found, done.stdout
    points, carried_out, *wrong = map(int, found.groups())
    assert carried_out == points == wanted
    assert wrong == [0] * 5
