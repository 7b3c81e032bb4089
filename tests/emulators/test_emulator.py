"""The emulator as we put it together, at the running one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import grpc
import psutil
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery_storage
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from pipeline.cloud.bigquery.clients import bigquery_client
from pipeline.cloud.retries import cloud_errors
from pipeline.emulators import emulator, lifecycle
from pipeline.emulators.state import read_state
from pipeline.errors import DiskFull
from pipeline.project.target import Endpoints
from pipeline.project.target import local_target as target_of

UNLIMITED = [("grpc.max_receive_message_length", -1)]


@pytest.fixture
def reader(local_target):
    with grpc.insecure_channel(local_target.bigquery_storage, UNLIMITED) as channel:
        yield bigquery_storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


def count_rows(reader, client, table, **options):
    path = f"projects/{client.project}/datasets/{table.replace('.', '/tables/')}"
    session = bigquery_storage.ReadSession(table=path, data_format="ARROW", read_options=options)
    session = reader.create_read_session(parent=f"projects/{client.project}", read_session=session, timeout=10)
    batches = (batch for stream in session.streams for batch in reader.read_rows(stream.name, timeout=10))
    return sum(batch.row_count for batch in batches)


def test_wide_batches_are_read(client, dataset, run, reader):
    """A batch has 65,536 rows: 21 MB here, twice as much as the emulator's own server would send."""
    run("CREATE TABLE wide AS SELECT REPEAT('x', 320) AS s FROM UNNEST(GENERATE_ARRAY(1, 70000))").result(timeout=20)
    assert count_rows(reader, client, f"{dataset}.wide") == 70000


def test_row_restriction_is_applied(client, dataset, run, reader):
    run("CREATE TABLE t AS SELECT x FROM UNNEST([1, 2, 3]) AS x").result(timeout=10)
    assert count_rows(reader, client, f"{dataset}.t", row_restriction="x > 1") == 2


def test_concurrent_requests_get_their_own_results(client, dataset, run, rows):
    run("CREATE TABLE t AS SELECT x FROM UNNEST([1, 2, 3]) AS x").result(timeout=10)

    def ask(number):
        listed = [tuple(row) for row in client.list_rows(f"{dataset}.t")]
        return (*rows("SELECT " + str(number))[0], len(listed))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(64))) == [(number, 3) for number in range(64)]


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits another process")
def test_full_disk_is_told_and_a_repetition_succeeds(tmp_path):
    """A limit of the size of files stands for a full disk: every write beyond it fails, and the process lives on."""
    endpoints = lifecycle.up(tmp_path / "local")
    try:
        client = bigquery_client(target_of(Endpoints(**endpoints.model_dump(include=set(Endpoints.model_fields)))))
        process = psutil.Process(read_state(tmp_path / "local" / "state.json").bigquery.pid)

        def make(table: str) -> None:
            with cloud_errors("making a table"):
                client.query(f"CREATE OR REPLACE TABLE d.{table} AS SELECT 1 AS x", retry=None, job_retry=None).result()

        client.create_dataset("d")
        unlimited = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (4096, unlimited[1]))
        for table in "tu":
            with pytest.raises(DiskFull) as full:
                make(table)
            assert isinstance(full.value.__cause__, GoogleAPICallError)
            assert f"the disk with {tmp_path}/local/bigquery is full - free some space" in str(full.value)
        process.rlimit(psutil.RLIMIT_FSIZE, unlimited)
        make("t")
        assert [tuple(row) for row in client.list_rows("d.t")] == [(1,)]
    finally:
        lifecycle.down(tmp_path / "local")


def test_emulator_without_a_replaced_part_fails_at_once():
    with pytest.raises(AttributeError, match="gone"):
        emulator._replace(ModuleType("bqemulator.other"), "gone", lambda part: part)
