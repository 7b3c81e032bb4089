"""Creates Google's clients and reads tables as streams; the local target differs only in endpoints and credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Self

import grpc
import pyarrow as pa
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.reader import ReadRowsStream
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.types import ArrowSerializationOptions, DataFormat, ReadSession

from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, TRANSFER_TIMEOUT
from pipeline.project.target import Target
from pipeline.sql import TableName

MOST_STREAMS = 8
"""Number of streams of a table that are read at once."""

PART = 32 * 1024**2
"""Bytes of messages after which their columns are copied out of them."""

COMPRESSION = ArrowSerializationOptions(buffer_compression=ArrowSerializationOptions.CompressionCodec.LZ4_FRAME)


class ReadClient(BigQueryReadClient):
    """A Storage Read client with timeouts; retries are ours."""

    def __enter__(self) -> Self:
        return self

    def create_read_session(self, *args: Any, **kwargs: Any) -> ReadSession:
        """Create a read session."""
        return super().create_read_session(*args, **{**kwargs, "timeout": CALL_TIMEOUT, "retry": NO_RETRY})

    def read_rows(self, *args: Any, **kwargs: Any) -> ReadRowsStream:
        """Read a stream of rows; the library sets no timeout and would retry for a day."""
        options = {**kwargs, "timeout": TRANSFER_TIMEOUT, "retry": NO_RETRY}
        stream: ReadRowsStream = super().read_rows(*args, **options)  # type: ignore[no-untyped-call]
        return stream

    def read_columns(self, table: TableName, names: Sequence[str], where: str) -> dict[str, pa.ChunkedArray]:
        """Return columns of a table by name, each of shape (rows,); the rows are in any order.

        Parameters
        ----------
        where
            Row restriction; empty for all rows.
        """
        from pandas_gbq.arrow import from_read_rows_response

        options = ReadSession.TableReadOptions(
            selected_fields=names, row_restriction=where, arrow_serialization_options=COMPRESSION
        )
        path = f"projects/{table.project}/datasets/{table.dataset}/tables/{table.name}"
        wanted = ReadSession(table=path, data_format=DataFormat.ARROW, read_options=options)
        session = self.create_read_session(parent=f"projects/{table.project}", read_session=wanted)
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))

        def read(name: str) -> list[pa.Table]:
            return list(_parts(from_read_rows_response(message, schema) for message in self.read_rows(name)))

        pool = ThreadPoolExecutor(MOST_STREAMS)
        try:
            streams = list(pool.map(read, (stream.name for stream in session.streams)))
        except BaseException:
            self.transport.close()  # ends the other streams
            raise
        finally:
            pool.shutdown()
        found = pa.concat_tables([schema.empty_table(), *chain(*streams)])
        return dict(zip(found.column_names, found.columns, strict=True))


def _parts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join batches into parts of about 32 MB whose columns have their own memory.

    The columns of a batch share the memory of its message, which is kept as long as one of them.
    """
    part: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        part.append(batch)
        size += batch.nbytes
        if size >= PART:
            yield pa.Table.from_batches(part).combine_chunks()
            part, size = [], 0
    if part:
        yield pa.Table.from_batches(part).combine_chunks()


class Client(bigquery.Client):
    """A BigQuery client with timeouts; retries are ours."""

    def _call_api(self, retry: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - retries are ours
        # Calls that the library makes by itself, such as for the rows of a query, have no timeout.
        return super()._call_api(NO_RETRY, *args, **{**kwargs, "timeout": kwargs.get("timeout") or CALL_TIMEOUT})


def credentials_of(target: Target) -> Any:
    """Return anonymous credentials for emulators; None means Application Default Credentials."""
    return AnonymousCredentials() if target.endpoints else None


def bigquery_client(target: Target) -> Client:
    """Return the client for jobs and tables."""
    options = {"api_endpoint": target.endpoints.bigquery} if target.endpoints else None
    credentials = credentials_of(target)
    client = Client(project=target.project, location=target.location, credentials=credentials, client_options=options)
    if target.endpoints:  # a tenth of a call is the search of the environment for a proxy
        client._http.trust_env = False  # noqa: SLF001 - the option has no public name
    return client


def read_client(target: Target) -> ReadClient:
    """Return the client of the Storage Read API."""
    if not target.endpoints:
        return ReadClient()  # type: ignore[no-untyped-call]
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(target.endpoints.bigquery_storage, options=options)
    return ReadClient(transport=BigQueryReadGrpcTransport(channel=channel))  # type: ignore[no-untyped-call]
