"""A part of the matrix in each run of the tests; `make faults` runs all of it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.integration_fixtures import ROOT

POINTS, MINUTES = 7, 1.5
"""One of every group; with every case, three."""
LAST = re.compile(r"^\| all \| (\d+) \| (\d+) \|.*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)


def test_nothing_is_lost_doubled_wrong_or_torn_at_points_of_every_group(pytestconfig):
    count = POINTS * (3 if pytestconfig.getoption("--every-case") else 1)
    command = [sys.executable, "-m", "tests.faults.matrix", "--workers", "1"]
    options = ["--subset", str(count), "--minutes", str(MINUTES)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST.search(done.stdout)
    assert found, done.stdout
    points, carried_out, *wrong = map(int, found.groups())
    print(f"{carried_out} of {points} points in the time there was")
    assert carried_out >= points // 2
    assert wrong == [0] * 5
