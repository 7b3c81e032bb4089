"""Markers of large tests: `@pytest.mark.matrix(8)` runs eight evenly spread cases of a test by default.

`@pytest.mark.long` marks tests of many processes or whole simulations; smaller tests cover their parts, so they do not
run by default. `--every-case` runs all cases and all long tests. A named file or test also runs its long tests, and so
does a project of Google Cloud. `@drawn(200)` gives the examples that Hypothesis draws with `--every-case`: a quarter of
them are drawn by default.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings

EVERY_CASE = "every case"
"""Hypothesis profile of `--every-case`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-case", action="store_true", help="run every case of each matrix, and long tests")


def pytest_configure(config: pytest.Config) -> None:
    # No deadline: a busy machine takes longer for an example, and its first example also imports.
    for name in ("default", EVERY_CASE):
        settings.register_profile(name, deadline=None)
    settings.load_profile(EVERY_CASE if config.getoption("--every-case") else "default")
    config.addinivalue_line("markers", "matrix(count): by default, only so many of its cases run")
    config.addinivalue_line("markers", "long: many processes or whole simulations, not run by default")


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
    """Return the cases that do not run, so that the marker's number of evenly spread cases is left."""
    assert marker is not None
    count = min(int(marker.args[0]), len(cases))
    kept = {(2 * number + 1) * len(cases) // (2 * count) for number in range(count)}
    return [case for place, case in enumerate(cases) if place not in kept]


def drawn(count: int, **options: Any) -> settings:
    """Return settings of a property test that draws so many examples with `--every-case`, a quarter by default."""
    every_case = settings.get_current_profile_name() == EVERY_CASE
    return settings(max_examples=count if every_case else count // 4, **options)
