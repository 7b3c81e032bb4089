"""`--cloud-target=FILE`: the tests marked `cloud` run in a project on Google Cloud instead of on emulators.

They use only the target of their session: new datasets with unique names and tables that expire after a day, and
objects below a new prefix. Both are removed at the end; the rest is listed with the commands that remove it. Without
the option these tests run on emulators, like all others; with it, only these tests run. See docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from google.api_core.exceptions import GoogleAPIError
from google.cloud import bigquery

from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.cloud.storage.store import Store
from pipeline.errors import PipelineError, RequestError
from pipeline.project import target as targets
from pipeline.project.target import Target
from pipeline.runs.session import Session

DAY_MS = 24 * 3600 * 1000
SECONDS = 60.0
LEFT_BEHIND = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "run only the tests marked `cloud`, in the project of this target file"
    parser.addoption("--cloud-target", metavar="FILE", type=Path, help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cloud: needs no emulator; see --cloud-target")
    config.stash[LEFT_BEHIND] = []
    if config.getoption("--cloud-target"):
        try:
            targets.read_target(config.getoption("--cloud-target"))
        except PipelineError as error:
            raise pytest.UsageError(f"--cloud-target: {error}") from error


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--cloud-target"):
        others = [item for item in items if item.get_closest_marker("cloud") is None]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.get_closest_marker("cloud")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[LEFT_BEHIND]:
        terminalreporter.write_line(f"left behind: {line}", red=True)


@dataclass
class CloudPlaces:
    """Targets of tests in a project, and their removal.

    Parameters
    ----------
    base
        Target of the project; its own datasets and folders are not changed.
    made
        Targets of tests.
    """

    base: Target
    made: list[Target] = field(default_factory=list)

    def make(self) -> Target:
        """Return a new target with a unique name."""
        name = f"pipeline_test_{uuid4().hex[:8]}"
        kinds = {kind: f"{name}_{kind}" for kind in ("runs_dataset", "ledger_dataset", "dashboard_dataset")}
        prefix = "/".join(filter(None, [self.base.prefix, "tests", name]))
        own = {"dataset": name, **kinds, "prefix": prefix, "labels": {**self.base.labels, "pipeline_test": name}}
        self.made.append(self.base.model_copy(update=own))
        return self.made[-1]

    def create(self, session: Session) -> None:
        """Make the datasets of a target.

        Raises
        ------
        RequestError
            The bucket does not exist.
        """
        if not session.store.has_bucket():
            raise RequestError(f"bucket {self.base.bucket} does not exist", hint="pipeline doctor says how to make it")
        for name in session.target.datasets:
            dataset = bigquery.Dataset(f"{self.base.project}.{name}")
            dataset.location, dataset.labels = self.base.location, session.target.labels
            dataset.default_table_expiration_ms = DAY_MS  # also if the removal never runs
            session.warehouse._client.create_dataset(dataset, timeout=SECONDS)

    def remove(self) -> Iterator[str]:
        """Remove the datasets and objects of the tests, and yield each failure with the command that removes it."""
        warehouse, store = Warehouse(self.base), Store(self.base)
        for target in self.made:
            for name in target.datasets:
                place = f"{self.base.project}.{name}"
                try:
                    options = {"delete_contents": True, "not_found_ok": True, "timeout": SECONDS}
                    warehouse._client.delete_dataset(place, **options)
                except (GoogleAPIError, OSError) as error:
                    yield f"dataset {place}: {error} - bq rm -r -f --dataset {place.replace('.', ':')}"
            folder = f"gs://{target.bucket}/{target.prefix}/"
            try:
                for item in store.list(folder):
                    store.delete(item)
            except PipelineError as error:
                yield f"objects below {folder}: {error} - gcloud storage rm --recursive {folder}"


@pytest.fixture(scope="session")
def cloud_places(request: pytest.FixtureRequest) -> Iterator[CloudPlaces | None]:
    """Return the targets in the cloud; None on emulators."""
    path = request.config.getoption("--cloud-target")
    if path is None:
        yield None
        return
    places = CloudPlaces(targets.read_target(path))
    yield places
    request.config.stash[LEFT_BEHIND] += places.remove()
