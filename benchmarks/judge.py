"""A session at emulators of its own, for benchmarks that judge predictions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.emulators import lifecycle
from pipeline.project.project import Project
from pipeline.project.target import Endpoints, local_target
from pipeline.runs.session import Session
from tests.sql.emulator import make_functions


@contextmanager
def emulated() -> Iterator[Session]:
    """Start emulators, make datasets, bucket and functions, and stop them afterwards."""
    with tempfile.TemporaryDirectory(prefix="judged-") as folder:
        found = lifecycle.up(Path(folder))
        try:
            endpoints = Endpoints(
                bigquery=found.bigquery, bigquery_storage=found.bigquery_storage, storage=found.storage
            )
            session = Session.open(Project.open(Path()), local_target(endpoints))
            session.warehouse.tables.create_datasets()
            session.store.create_bucket()
            make_functions(session)
            yield session
        finally:
            lifecycle.down(Path(folder))
