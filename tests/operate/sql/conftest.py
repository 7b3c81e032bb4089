"""A copy of this repository's project that tests may change, and the analyzer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.auth.transport.requests import AuthorizedSession

from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.cache import machine_folder
from pipeline.operate.sql.check import Checked, check_sql
from pipeline.project.project import Project
from pipeline.project.target import local_target
from pipeline.rows.schema import Schema
from pipeline.sql import Asset, Statement, TableName, render
from pipeline.sql.header import Header
from tests.support.dummy_project import edit
from tests.support.integration_fixtures import ROOT

ANALYZER = machine_folder(ROOT / ".local")
"""The compiled analyzer of this machine, with its results for the repository's statements."""

TARGET = local_target()
TABLE = TableName("pipeline-local", "ml", "items")
COLUMNS = Schema.parse({"id": "INT64 NOT NULL", "day": "DATE", "name": "STRING", "score": "FLOAT64", "t": "TIMESTAMP"})

Broken = Callable[..., tuple[Path, Checked]]


@pytest.fixture
def no_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when a client of Google's is made or a request is sent, to any machine."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a client was made or a request was sent")

    for name in ("pipeline.cloud.bigquery.clients.bigquery_client", "pipeline.cloud.bigquery.clients.read_client"):
        monkeypatch.setattr(name, refuse)
    for name in ("google.cloud.bigquery.Client", "google.cloud.storage.Client"):
        monkeypatch.setattr(f"{name}.__init__", refuse)
    monkeypatch.setattr(AuthorizedSession, "request", refuse)


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository's project in a temporary folder."""
    root = tmp_path_factory.mktemp("project")
    for name in ("sql", "udf", "jobs/flight_delay"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "sql" / "released.json").unlink(missing_ok=True)
    return root


@pytest.fixture
def broken(copied: Path, no_requests: None) -> Iterator[Broken]:
    """Edit a file of the copy and check the copy; the file is restored afterwards."""
    before: dict[Path, bytes] = {}

    def check(name: str, old: str, new: str) -> tuple[Path, Checked]:
        path = copied / name
        before.setdefault(path, path.read_bytes())
        edit(path, old, new)
        return path, check_sql(Project(copied), TARGET, ANALYZER)

    yield check
    for path, content in before.items():
        path.write_bytes(content)


def statement(
    body: str, *, parameters: dict[str, Any] | None = None, path: str = "a_v1.sql", **identifiers: Any
) -> Statement:
    """Return a statement of a file whose body begins on line 5."""
    kinds = {name: "query" if isinstance(value, Statement) else "table" for name, value in identifiers.items()}
    header = Header(description="x", identifiers=kinds, parameters=parameters or {}, changes={"v1": "x"})
    asset = Asset(path.removesuffix(".sql"), Path(path), header, body, body, first_line=5)
    return render(asset, identifiers, dict.fromkeys(parameters or {}))


@pytest.fixture
def analyzer() -> Analyzer:
    """An analyzer that knows one table."""
    return Analyzer({TABLE: COLUMNS}, ANALYZER)
