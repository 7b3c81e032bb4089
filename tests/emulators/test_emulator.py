"""The emulator as we put it together, at the running one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import grpc
import pytest
from google.cloud import bigquery_storage
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from pipeline.emulators import emulator

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


def test_emulator_without_a_replaced_part_fails_at_once():
    with pytest.raises(AttributeError, match="gone"):
        emulator._replace(ModuleType("bqemulator.other"), "gone", lambda part: part)
