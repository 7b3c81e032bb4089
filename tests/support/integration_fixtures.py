"""Fixtures of integration tests: a session on the emulators, the tiny data set, and the sent requests."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import polars as pl
import pytest
from google.auth.transport.requests import AuthorizedSession
from google.cloud.bigquery import _pandas_helpers
from rich.console import Console

from jobs.flight_delay.fixtures import write_fixtures
from pipeline.base.progress import Reporter
from pipeline.emulators.state import LocalEndpoints
from pipeline.operate.sources import load_sources
from pipeline.project.project import Job, Project
from pipeline.project.target import Endpoints, Target, local_target
from pipeline.runs.session import Session
from tests.support.cloud_target import CloudPlaces

# After the last rows of a table, the client waits an interval of its progress bar: a third of the time of a tiny run.
_pandas_helpers._PROGRESS_INTERVAL = 0.01

ROOT = Path(__file__).parents[2]
BUCKET = "pipeline-tests"
COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
QUICK = ("logistic_regression", "constant_rate")

Read = Callable[[str], list[dict[str, Any]]]


def write_seven(out_dir: Path) -> None:
    """Write the tiny data set as a job's own sources: `write_sources` of a job takes no seed."""
    write_fixtures(out_dir, 7)


def quick(job: Job, *, shards: int = 2, variants: tuple[str, ...] = QUICK[:1]) -> Job:
    """Return the job with one variant and one baseline, which fit quickly."""
    chosen = (*variants, "constant_rate")
    predictions = job.spec.predictions.model_copy(update={"shards": shards})
    changes = {"variants": list(variants), "baselines": ["constant_rate"], "predictions": predictions}
    spec = job.spec.model_copy(update=changes)
    return replace(job, spec=spec, variants=tuple(v for v in job.variants if v.name in chosen))


def edited(job: Job, **changes: Any) -> Job:
    """Return the job with other values in its job.yaml."""
    return replace(job, spec=job.spec.model_copy(update=changes))


def with_history_days(job: Job, days: int) -> Job:
    """Return the job with another length of history, so another run definition."""
    return edited(job, examples=job.spec.examples.model_copy(update={"history_days": days}))


def read_source(folder: Path, name: str) -> pl.DataFrame:
    """Return the file of a source, shape (rows, columns), with moments and dates as text."""
    return pl.read_ndjson(folder / f"{name}.jsonl", infer_schema_length=None)


@dataclass(frozen=True)
class Sent:
    """A request that was sent."""

    method: str
    path: str
    query: str
    body: dict[str, Any] | None

    @property
    def statement(self) -> str:
        """SQL of a submitted query job, or an empty text."""
        configuration = (self.body or {}).get("configuration", {})
        return str(configuration.get("query", {}).get("query", ""))

    @property
    def reads(self) -> bool:
        """Tell whether the request changes nothing."""
        return self.method == "GET" or self.is_preview or self.statement.startswith(("SELECT", "WITH"))

    @property
    def is_preview(self) -> bool:
        """Tell whether the request is a dry run of a query."""
        return bool((self.body or {}).get("configuration", {}).get("dryRun"))

    @property
    def records(self) -> bool:
        """Tell whether the request appends missing rows to the ledger."""
        return self.statement.startswith("INSERT INTO") and "_ledger_dataset" in self.statement.splitlines()[0]

    @property
    def loads(self) -> bool:
        """Tell whether the request is a load job."""
        return "load" in (self.body or {}).get("configuration", {})


@dataclass
class Requests:
    """All HTTP requests of Google's clients, in order."""

    sent: list[Sent] = field(default_factory=list)

    @property
    def jobs(self) -> list[Sent]:
        """Submitted BigQuery jobs that write."""
        return [sent for sent in self.sent if sent.method == "POST" and sent.path.endswith("/jobs") and not sent.reads]

    @property
    def uploads(self) -> list[Sent]:
        """Uploads to Cloud Storage."""
        return [sent for sent in self.sent if sent.path.startswith("/upload/")]

    @property
    def writes(self) -> list[Sent]:
        """Requests that may change something."""
        return [sent for sent in self.sent if not sent.reads]

    @property
    def work(self) -> list[Sent]:
        """Writes without appends to the ledger, which add a row only once."""
        return [sent for sent in self.writes if not sent.records]

    def clear(self) -> None:
        """Remove the requests so far."""
        self.sent.clear()

    @classmethod
    def recorded(cls, patch: pytest.MonkeyPatch) -> Requests:
        """Return the requests that Google's clients send from now on; both clients use this one method."""
        requests, original = cls(), AuthorizedSession.request

        def record(self: AuthorizedSession, method: str, url: str, data: Any = None, **options: Any) -> Any:
            body = json.loads(data) if isinstance(data, str) and data.startswith("{") else None
            address = urlsplit(url)
            requests.sent.append(Sent(method, address.path, address.query, body))
            return original(self, method, url, data=data, **options)

        patch.setattr(AuthorizedSession, "request", record)
        return requests


@pytest.fixture
def requests_sent(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """Return the requests that Google's clients send during a test."""
    return Requests.recorded(monkeypatch)


@pytest.fixture(scope="session")
def endpoints(local_target: LocalEndpoints) -> Endpoints:
    return Endpoints(
        bigquery=local_target.bigquery, bigquery_storage=local_target.bigquery_storage, storage=local_target.storage
    )


@pytest.fixture(scope="session")
def fixtures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_fixtures(folder, 7)
    return folder


@pytest.fixture(scope="session")
def project() -> Project:
    return Project.open(ROOT)


@pytest.fixture(scope="session")
def job(project: Project) -> Job:
    return project.job("flight_delay")


@pytest.fixture(scope="session")
def quick_job(job: Job) -> Job:
    return quick(job)


@pytest.fixture(scope="session")
def make_target(request: pytest.FixtureRequest, cloud_places: CloudPlaces | None) -> Callable[[], Target]:
    """Return a function that makes a target with new datasets and a new prefix."""
    if cloud_places:
        return cloud_places.make
    endpoints = request.getfixturevalue("endpoints")  # starts emulators

    def make() -> Target:
        name = f"t{uuid4().hex[:8]}"
        places = {kind: f"{name}_{kind}" for kind in ("runs_dataset", "ledger_dataset", "dashboard_dataset")}
        own = {"dataset": name, **places, "bucket": BUCKET, "prefix": f"tests/{name}"}
        return local_target(endpoints).model_copy(update=own)

    return make


@pytest.fixture(scope="session")
def connect(project: Project) -> Callable[[Target], Session]:
    def open_session(target: Target) -> Session:
        return Session.open(project, target, Reporter(Console(quiet=True)))

    return open_session


@pytest.fixture(scope="session")
def make_empty_session(
    make_target: Callable[[], Target], connect: Callable[[Target], Session], cloud_places: CloudPlaces | None
) -> Callable[[], Session]:
    """Return a function that opens a session on a new target with empty datasets and bucket."""

    def make() -> Session:
        session = connect(make_target())
        if cloud_places:
            cloud_places.create(session)
        else:
            session.warehouse.tables.create_datasets()
            session.store.create_bucket()
        return session

    return make


@pytest.fixture(scope="session")
def make_session(make_empty_session: Callable[[], Session], job: Job, fixtures_folder: Path) -> Callable[[], Session]:
    """Return a function that opens a session on a new target with the tiny sources."""

    def make() -> Session:
        session = make_empty_session()
        load_sources(session, job, fixtures_folder)
        return session

    return make


@pytest.fixture(scope="module")
def session(make_session: Callable[[], Session]) -> Iterator[Session]:
    """Return the session that the tests of a module share; each test uses another run date."""
    return make_session()


@pytest.fixture
def fresh_session(make_session: Callable[[], Session]) -> Session:
    """Return a session of this test only."""
    return make_session()


def reader(session: Session) -> Read:
    """Return a function that reads rows with SQL, in which `ml.`, `runs.` and `ledger.` are the session's datasets."""
    target, client = session.target, session.warehouse._client
    names = {"ml.": target.dataset, "runs.": target.runs_dataset, "ledger.": target.ledger_dataset}

    def read(sql: str) -> list[dict[str, Any]]:
        for short, dataset in names.items():
            sql = sql.replace(f" {short}", f" {dataset}.")
        return [dict(row.items()) for row in client.query_and_wait(sql, api_timeout=20)]

    return read


@pytest.fixture
def read(session: Session) -> Read:
    return reader(session)
