"""A part of the matrix in each run of the tests; `make faults` runs all of it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.integration_fixtures import ROOT

POINTS, MINUTES = 7, 2.5
"""One of every group, each day another; with every case, three."""
LAST = re.compile(r"^\| all \| (\d+) \| (\d+) \|.*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


def test_nothing_is_lost_doubled_wrong_or_torn_at_points_of_every_group(pytestconfig):
    share = 3 if pytestconfig.getoption("--every-case") else 1
    command = [sys.executable, "-m", "tests.faults.matrix", "--workers", "1"]
    options = ["--subset", str(share * POINTS), "--minutes", str(share * MINUTES)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST.search(done.stdout)
    assert found, done.stdout
    points, carried_out, *wrong = map(int, found.groups())
    assert carried_out == points == share * POINTS
    assert wrong == [0] * 5
