"""Creates Google's clients; the local target differs only in endpoints and credentials."""

from __future__ import annotations

import os
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.reader import ReadRowsStream
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.types import ReadSession

from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, TRANSFER_TIMEOUT
from pipeline.project.target import Target


class RestrictedReadClient(BigQueryReadClient):
    """A Storage Read client that reads only the rows of `row_restriction`, and has timeouts."""

    row_restriction = ""

    def create_read_session(self, *args: Any, **kwargs: Any) -> ReadSession:
        """Create a read session with this client's row restriction."""
        kwargs["read_session"].read_options.row_restriction = self.row_restriction
        return super().create_read_session(*args, **{**kwargs, "timeout": CALL_TIMEOUT, "retry": NO_RETRY})

    def read_rows(self, *args: Any, **kwargs: Any) -> ReadRowsStream:
        """Read a stream of rows; the calling library sets no timeout and would retry for a day."""
        options = {**kwargs, "timeout": TRANSFER_TIMEOUT, "retry": NO_RETRY}
        stream: ReadRowsStream = super().read_rows(*args, **options)  # type: ignore[no-untyped-call]
        return stream


class ReadingClient(bigquery.Client):
    """A BigQuery client that reads tables through our Storage Read client instead of a default one."""

    target: Target
    row_restriction = ""

    def _call_api(self, retry: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - retries are ours
        # Calls that libraries make by themselves, such as for the rows of a query, have no timeout.
        return super()._call_api(NO_RETRY, *args, **{**kwargs, "timeout": kwargs.get("timeout") or CALL_TIMEOUT})

    def _ensure_bqstorage_client(self, *_: Any, **__: Any) -> RestrictedReadClient:
        # Called by `to_dataframe`, which closes the client after each table, so every read needs a new one.
        client = read_client(self.target)
        client.row_restriction = self.row_restriction
        return client


def credentials_of(target: Target) -> Any:
    """Return anonymous credentials for emulators; None means Application Default Credentials."""
    return AnonymousCredentials() if target.endpoints else None


def bigquery_client(target: Target) -> ReadingClient:
    """Return the client for jobs and tables.

    pandas-gbq creates a default client to look at a table, and that client finds an emulator only through the
    environment. This is the only place where an address of the local target becomes an environment variable.
    """
    if target.endpoints:
        os.environ["BIGQUERY_EMULATOR_HOST"] = target.endpoints.bigquery
    client = ReadingClient(project=target.project, location=target.location, credentials=credentials_of(target))
    client.target = target
    if target.endpoints:  # a tenth of a call is the search of the environment for a proxy
        client._http.trust_env = False  # noqa: SLF001 - the option has no public name
    return client


def read_client(target: Target) -> RestrictedReadClient:
    """Return the client of the Storage Read API."""
    if not target.endpoints:
        return RestrictedReadClient()  # type: ignore[no-untyped-call]
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(target.endpoints.bigquery_storage, options=options)
    transport = BigQueryReadGrpcTransport(channel=channel)
    return RestrictedReadClient(transport=transport)  # type: ignore[no-untyped-call]
