"""A session on new emulators, for benchmarks that judge predictions."""

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
from tests.support import orphans


@contextmanager
def emulated() -> Iterator[Session]:
    """Yield a session on emulators with datasets, bucket and functions; the emulators stop afterwards."""
    with tempfile.TemporaryDirectory(prefix="judged-") as folder:
        orphans.end_with_this_process(Path(folder))
        local = lifecycle.up(Path(folder))
        try:
            endpoints = Endpoints(
                bigquery=local.bigquery, bigquery_storage=local.bigquery_storage, storage=local.storage
            )
            session = Session.open(Project.open(Path()), local_target(endpoints))
            session.warehouse.tables.create_datasets()
            session.store.create_bucket()
            make_functions(session)
            yield session
        finally:
            lifecycle.down(Path(folder))
