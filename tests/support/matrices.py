"""A test with many cases is a matrix: `@pytest.mark.matrix(8)` runs a spread part of eight cases by default.

A test of many processes or whole lives is long: with `@pytest.mark.long` it does not run for every change, because
smaller tests cover its parts. `--every-case` runs all cases and all long tests, and so does naming their file or test.
In a project of Google Cloud every long test runs that can.
"""

from __future__ import annotations

from collections import defaultdict

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-case", action="store_true", help="every case of a matrix, not only a part")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "matrix(count): of its cases, so many do for every day")
    config.addinivalue_line("markers", "long: many processes or whole lives, not for every change")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--every-case"):
        return
    matrices: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("matrix"):
            matrices[item.nodeid.partition("[")[0]].append(item)
    left_out = [item for cases in matrices.values() for item in beyond(cases, cases[0].get_closest_marker("matrix"))]
    if not (config.getoption("--cloud-target") or any(".py" in name for name in config.args)):
        left_out += [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        unwanted = {id(item) for item in left_out}
        items[:] = [item for item in items if id(item) not in unwanted]


def beyond(cases: list[pytest.Item], marker: pytest.Mark | None) -> list[pytest.Item]:
    """Return the cases that are not among so many spread evenly."""
    assert marker is not None
    count = min(int(marker.args[0]), len(cases))
    kept = {(2 * number + 1) * len(cases) // (2 * count) for number in range(count)}
    return [case for place, case in enumerate(cases) if place not in kept]
