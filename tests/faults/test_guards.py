"""Without a guard its test fails. `--guards=1000` switches off every guard in turn, not only a few."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.faults.guards import GUARDS, Guard
from tests.support.integration_fixtures import ROOT

FAILED = 1
"""Exit code of pytest when tests ran and one failed; with 2 to 5 no test ran."""

A_FEW = ("files are compared with the manifest", "publication changes nothing after a newer generation")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function is test_without_a_guard_its_test_fails:
        options = metafunc.config.option
        chosen = part_of(options.guards, options.guards_from) or [guard for guard in GUARDS if guard.name in A_FEW]
        metafunc.parametrize("guard", chosen, ids=[guard.name for guard in chosen])


def part_of(count: int, number: int) -> list[Guard]:
    """Return some of the guards; numbers that follow each other take all guards in turn."""
    start = count * number % len(GUARDS)
    return [*GUARDS[start:], *GUARDS[:start]][:count]


@pytest.mark.long
def test_without_a_guard_its_test_fails(guard: Guard, endpoints):
    place = ",".join((endpoints.bigquery, endpoints.bigquery_storage, endpoints.storage))
    sabotaged = ["-p", "tests.faults.sabotage", "--without", guard.name, "--at", place]
    command = [sys.executable, "-m", "pytest", guard.node, *sabotaged, "--every-case", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == FAILED, f"without: {guard.name}; pytest exited with {done.returncode}:\n{done.stdout}"


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_patch_and_test_of_each_guard_exist(guard: Guard, monkeypatch):
    guard.patch(monkeypatch)
    path, name = guard.node.split("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def test_parts_of_guards_cover_all_guards():
    assert {guard.name for number in range(4) for guard in part_of(30, number)} == {guard.name for guard in GUARDS}
    assert part_of(1000, 5) == [*GUARDS[5000 % len(GUARDS) :], *GUARDS[: 5000 % len(GUARDS)]]


def test_names_of_guards_are_unique():
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 20
    assert set(A_FEW) <= {guard.name for guard in GUARDS}
