"""Without a guard at least one test fails: each of these tests is able to. `--all-guards` switches off every one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.faults.guards import GUARDS, Guard
from tests.support.integration_fixtures import ROOT

FAILED = 1
"""Exit code of pytest when tests ran and one failed; 2 to 5 say that none ran."""

A_FEW = ("files are compared with the manifest", "a statement that publishes gives way to a newer generation")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "guard" in metafunc.fixturenames:
        every = metafunc.config.getoption("--all-guards", default=False)
        chosen = [guard for guard in GUARDS if every or guard.name in A_FEW]
        metafunc.parametrize("guard", chosen, ids=[guard.name for guard in chosen])


@pytest.mark.long
def test_without_a_guard_its_test_fails(guard: Guard, endpoints):
    place = ",".join((endpoints.bigquery, endpoints.bigquery_storage, endpoints.storage))
    sabotaged = ["-p", "tests.faults.sabotage", "--without", guard.name, "--at", place]
    command = [sys.executable, "-m", "pytest", guard.node, *sabotaged, "--every-case", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == FAILED, f"{guard.name} is off, and pytest ended with {done.returncode}:\n{done.stdout}"


def test_guards_have_names_of_their_own():
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 20
    assert set(A_FEW) <= {guard.name for guard in GUARDS}
