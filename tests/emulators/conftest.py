"""Real clients at real emulators, a dataset and a folder of objects for each test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from pipeline.emulators import lifecycle
from pipeline.emulators.state import LocalEndpoints

Connect = Callable[[LocalEndpoints], Any]


@pytest.fixture(scope="session")
def local_target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoints]:
    """The emulators of this test process; others if coverage watches them: these tests are the emulators' own."""
    if not any(name in os.environ for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")):
        yield lifecycle.up(request.getfixturevalue("emulators_dir"))
        return
    local_dir = tmp_path_factory.mktemp("watched")
    yield lifecycle.up(local_dir)
    lifecycle.down(local_dir)


@pytest.fixture(scope="session")
def bigquery_at() -> Connect:
    def connect(endpoints: LocalEndpoints) -> bigquery.Client:
        options = {"api_endpoint": endpoints.bigquery}
        return bigquery.Client(endpoints.project, AnonymousCredentials(), client_options=options, location="US")

    return connect


@pytest.fixture(scope="session")
def storage_at() -> Connect:
    def connect(endpoints: LocalEndpoints) -> storage.Client:
        options = {"api_endpoint": endpoints.storage}
        return storage.Client(endpoints.project, AnonymousCredentials(), client_options=options)

    return connect


@pytest.fixture(scope="session")
def client(local_target: LocalEndpoints, bigquery_at: Connect) -> Iterator[bigquery.Client]:
    with bigquery_at(local_target) as client:
        yield client


@pytest.fixture(scope="session")
def bucket(local_target: LocalEndpoints, storage_at: Connect) -> Iterator[storage.Bucket]:
    with storage_at(local_target) as client:
        yield client.create_bucket("emulator-tests")


@pytest.fixture
def jobs_url(local_target):
    return f"{local_target.bigquery}/bigquery/v2/projects/{local_target.project}/jobs"


@pytest.fixture
def dataset(client: bigquery.Client) -> str:
    return client.create_dataset(f"d_{uuid4().hex}").dataset_id


Put = Callable[..., str]


@pytest.fixture
def put(bucket: storage.Bucket) -> Put:
    """Upload rows, or a text as it stands, and return the URI."""
    prefix = uuid4().hex

    def upload(name: str, *rows: dict[str, object] | str) -> str:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        blob = bucket.blob(f"{prefix}/{name}")
        blob.upload_from_string("".join(f"{line}\n" for line in lines), timeout=10)
        return f"gs://{bucket.name}/{blob.name}"

    return upload


Load = Callable[..., bigquery.LoadJob]


@pytest.fixture
def load(client: bigquery.Client, dataset: str) -> Load:
    """Run a load job into the table `t` to its end; a failed one is returned as well, not raised."""

    def load_all(
        *uris: str, columns: str = "a INT64, b STRING NOT NULL", table: str = "t", **options: object
    ) -> bigquery.LoadJob:
        job_id = options.pop("job_id", f"load-{uuid4().hex}")
        config = bigquery.LoadJobConfig(
            schema=[parse_column(column) for column in columns.split(", ")],
            source_format="NEWLINE_DELIMITED_JSON",
            **options,
        )
        job = client.load_table_from_uri(list(uris), f"{dataset}.{table}", job_id=job_id, job_config=config, timeout=10)
        job.exception(timeout=10)
        return job

    return load_all


def parse_column(text: str) -> bigquery.SchemaField:
    name, kind, *mode = text.split(" ", 2)
    return bigquery.SchemaField(name, kind, "REQUIRED" if mode else "NULLABLE")


@pytest.fixture
def run(client: bigquery.Client, dataset: str) -> Callable[..., bigquery.QueryJob]:
    """Submit a query job; table names without a dataset are in the test's own."""

    def submit(sql: str, job_id: str | None = None, **options: object) -> bigquery.QueryJob:
        config = bigquery.QueryJobConfig(default_dataset=f"{client.project}.{dataset}", **options)
        return client.query(sql, job_id=job_id, job_config=config, job_retry=None, retry=None, timeout=10)

    return submit


@pytest.fixture
def rows(run: Callable[..., bigquery.QueryJob]) -> Callable[..., list[tuple[object, ...]]]:
    def read(sql: str = "SELECT * FROM t ORDER BY 1") -> list[tuple[object, ...]]:
        return [tuple(row) for row in run(sql).result(timeout=20)]

    return read
