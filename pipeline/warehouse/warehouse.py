"""One connection to BigQuery: statements, frames, loads and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd
import pandas_gbq
from google.cloud import bigquery

from pipeline.casts import cast_frame
from pipeline.digests import digest_json
from pipeline.retries import CALL_TIMEOUT, NO_RETRY, cloud_errors, with_retries
from pipeline.schemas import Schema
from pipeline.sql_assets import Statement, TableName
from pipeline.target import Target
from pipeline.warehouse import clients
from pipeline.warehouse.labels import as_labels
from pipeline.warehouse.parameters import query_parameters, schema_fields
from pipeline.warehouse.recent_jobs import RecentJobs, recent_jobs
from pipeline.warehouse.rights import Rights
from pipeline.warehouse.submission import Submission, run_once
from pipeline.warehouse.tables import Tables


class Warehouse:
    """BigQuery at a target, connected to when it is first asked.

    Parameters
    ----------
    target
        Where the datasets live.

    Attributes
    ----------
    bytes
        What the statements so far cost: bytes billed for jobs, bytes processed for small reads, whose answer holds no
        more than that.
    jobs
        Ids of the jobs so far that wrote something.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.bytes = 0
        self.jobs: list[str] = []

    @cached_property
    def _client(self) -> clients.ReadingClient:
        with cloud_errors(f"connecting to project {self.target.project}"):
            return clients.bigquery_client(self.target)

    @cached_property
    def tables(self) -> Tables:
        """Creating, labelling and looking at tables."""
        return Tables(self._client, self.target)

    @cached_property
    def rights(self) -> Rights:
        """What the credentials may do."""
        return Rights(self._client, self.target)

    @property
    def credentials(self) -> Any:
        """Google's credentials, of whoever this is."""
        return self._client._credentials  # noqa: SLF001 - the client has no other name for them

    def recent_jobs(self, prefix: str, since: datetime) -> RecentJobs:
        """Look through the jobs since a moment whose id begins with `prefix`: which run, which failed."""
        return recent_jobs(self._client, prefix, since)

    def execute(
        self, statement: Statement, *, step: str, labels: Mapping[str, str], verify: Callable[[], bool] = lambda: True
    ) -> int:
        """Carry out a statement that writes, once, and return the number of rows it changed.

        Parameters
        ----------
        step
            Stem of the job id; a digest of statement and values is appended.
        labels
            Who made the job.
        verify
            Tells whether the effect of an earlier, finished attempt still stands.
        """
        config = self._query_config(statement, labels)
        stem = f"{step}-{digest_json([statement.sql, dict(statement.values)])}"
        names = " with ".join(dict.fromkeys(asset.name for asset in statement.assets))
        with cloud_errors(f"{names} ({step})"):
            job = run_once(self._client, Submission(stem, self._query_submitter(statement, config), verify))
        self.bytes += int(job.total_bytes_billed or 0)
        self.jobs.append(job.job_id)
        return int(job.num_dml_affected_rows or 0)

    def rows(self, statement: Statement) -> list[dict[str, Any]]:
        """Return the rows of a statement that only reads; for small results."""
        config = self._query_config(statement, {})
        with cloud_errors(statement.asset.name):
            result = with_retries(
                lambda: self._client.query_and_wait(
                    statement.sql, job_config=config, api_timeout=CALL_TIMEOUT, retry=NO_RETRY, job_retry=NO_RETRY
                )
            )
            found = [dict(row.items()) for row in result]
        self.bytes += int(result.total_bytes_processed or 0)
        return found

    def read_frame(self, table: TableName, schema: Schema, *, where: str = "", order_by: Sequence[str]) -> pd.DataFrame:
        """Read a named table through the Storage Read API.

        Parameters
        ----------
        schema
            Columns to return, with their types; pages may differ, the frame never does.
        where
            Row restriction, e.g. `_shard = 3`.
        order_by
            Key columns; streams come in any order, the frame is sorted by these.

        Returns
        -------
        pd.DataFrame
            Shape (rows, columns of the schema), index 0..rows-1.
        """
        self._client.row_restriction = where
        with cloud_errors(f"reading {table}"):
            frame = with_retries(lambda: self._read_gbq(table))
        frame = cast_frame(frame, schema, origin=str(table))
        return frame.sort_values(list(order_by), kind="stable", ignore_index=True)

    def _read_gbq(self, table: TableName) -> pd.DataFrame:
        try:
            frame: pd.DataFrame = pandas_gbq.read_gbq(
                str(table),
                project_id=self.target.project,
                location=self.target.location,
                credentials=clients.credentials_of(self.target),
                bigquery_client=self._client,
                use_bqstorage_api=True,
                progress_bar_type=None,
            )
        except pandas_gbq.exceptions.GenericGBQException as error:
            # pandas-gbq wraps Google's error; the reason that tells transient from terminal is in the original.
            raise error.__cause__ or error from error
        return frame

    def load_jsonl(
        self, uris: Sequence[str], table: TableName, schema: Schema, *, step: str, rows: int | None = None
    ) -> int:
        """Replace a table by the rows of JSON Lines files, in one load job, and return the number of rows.

        Parameters
        ----------
        step
            Stem of the job id.
        rows
            How many there must be, if that is known: a table with others is loaded again.
        """

        def stands() -> bool:
            found = self.tables.row_count(table)
            return found is not None and rows in (None, found)

        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=schema_fields(schema),
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            labels=as_labels({"pipeline": "1", "step": step}),
        )
        stem = f"{step}-{digest_json([sorted(uris), str(table), schema.digest])}"
        with cloud_errors(f"loading {table}"):
            job = run_once(self._client, Submission(stem, self._load_submitter(uris, table, config), stands))
        self.jobs.append(job.job_id)
        return int(job.output_rows or 0)

    def _query_config(self, statement: Statement, labels: Mapping[str, str]) -> bigquery.QueryJobConfig:
        merged = {**self.target.labels, "pipeline": "1", "sql_digest": statement.digest, **labels}
        config = bigquery.QueryJobConfig(
            query_parameters=query_parameters(statement),
            labels=as_labels(merged),
            priority=self.target.priority,
            use_query_cache=False,
        )
        if self.target.maximum_bytes_billed:
            config.maximum_bytes_billed = self.target.maximum_bytes_billed
        return config

    def _query_submitter(self, statement: Statement, config: bigquery.QueryJobConfig) -> Callable[[str], Any]:
        return lambda job_id: self._client.query(
            statement.sql, job_config=config, job_id=job_id, job_retry=NO_RETRY, retry=NO_RETRY, timeout=CALL_TIMEOUT
        )

    def _load_submitter(
        self, uris: Sequence[str], table: TableName, config: bigquery.LoadJobConfig
    ) -> Callable[[str], Any]:
        return lambda job_id: self._client.load_table_from_uri(
            list(uris), str(table), job_id=job_id, job_config=config, retry=NO_RETRY, timeout=CALL_TIMEOUT
        )
