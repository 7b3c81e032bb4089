"""Without a guard its test fails. `--all-guards` switches off every guard in turn, not only a few."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.guards import GUARDS, Guard
from tests.faults.without import Pytest
from tests.support.integration_fixtures import ROOT

FAILED = 1
"""Exit code of pytest when tests ran and one failed; with 2 to 5 no test ran."""

A_FEW = ("files are compared with the manifest", "publication changes nothing after a newer generation")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function is test_without_a_guard_its_test_fails:
        every = metafunc.config.getoption("--all-guards", default=False)
        chosen = [guard for guard in GUARDS if every or guard.name in A_FEW]
        metafunc.parametrize("guard", chosen, ids=[guard.name for guard in chosen])


@pytest.fixture(scope="module")
def forked(tmp_path_factory) -> Iterator[Pytest]:
    """Runs pytest in processes that are forked, which saves their imports."""
    forked = Pytest(tmp_path_factory.mktemp("guards") / "pytest.log", ROOT)
    yield forked
    forked.close()


@pytest.mark.long
def test_without_a_guard_its_test_fails(guard: Guard, endpoints, forked):
    place = ",".join((endpoints.bigquery, endpoints.bigquery_storage, endpoints.storage))
    sabotaged = ["-p", "tests.faults.sabotage", "--without", guard.name, "--at", place]
    code, output = forked.run([guard.node, *sabotaged, "--every-case", "-q", "-p", "no:cacheprovider"])
    assert code == FAILED, f"without: {guard.name}; pytest exited with {code}:\n{output}"


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_patch_and_test_of_each_guard_exist(guard: Guard, monkeypatch):
    guard.patch(monkeypatch)
    path, name = guard.node.split("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def test_names_of_guards_are_unique():
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 20
    assert set(A_FEW) <= {guard.name for guard in GUARDS}
