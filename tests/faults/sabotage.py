"""A pytest plugin that switches one guard off: `-p tests.faults.sabotage --without "<name of the guard>"`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.emulators import lifecycle


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--without", required=True, help="name of the guard to switch off")
    parser.addoption("--at", default="", help="addresses of running emulators; by default, emulators are started")


def pytest_configure(config: pytest.Config) -> None:
    """Switch the guard off before tests are imported."""
    from tests.faults.guards import GUARDS

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    (guard,) = (guard for guard in GUARDS if guard.name == config.getoption("--without"))
    guard.patch(patch)
    if place := config.getoption("--at"):
        running = dict(zip(("bigquery", "bigquery_storage", "storage"), place.split(","), strict=True))
        patch.setattr(lifecycle, "up", lambda _: SimpleNamespace(**running))
        patch.setattr(lifecycle, "down", lambda _: None)
