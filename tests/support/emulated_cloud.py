"""A plugin that tests `--cloud-target` without Google: target files of a cloud lead to emulators.

`python -m pytest -p tests.support.emulated_cloud --emulators=BIGQUERY,STREAMS,STORAGE --cloud-target=FILE`
"""

from __future__ import annotations

import pytest

from pipeline.project import target as targets
from pipeline.project.target import Endpoints, Target


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--emulators", required=True, help="addresses: BigQuery's REST and gRPC, Cloud Storage")


def endpoints_of(text: str) -> Endpoints:
    bigquery, streams, storage = text.split(",")
    return Endpoints(bigquery=bigquery, bigquery_storage=streams, storage=storage)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    lead_to(endpoints_of(config.getoption("--emulators")))


def lead_to(endpoints: Endpoints, patch: pytest.MonkeyPatch | None = None) -> None:
    """Give targets that are read from files the endpoints of emulators."""
    read = targets.read_target

    def read_and_lead(*path: object) -> Target:
        return read(*path).model_copy(update={"endpoints": endpoints})

    (patch or pytest.MonkeyPatch()).setattr(targets, "read_target", read_and_lead)
