"""The warehouse: runs statements, reads frames and loads files in BigQuery."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
from google.cloud import bigquery

from pipeline.base.digests import digest_json
from pipeline.base.pricing import billed_bytes
from pipeline.cloud.bigquery import clients
from pipeline.cloud.bigquery.job_config import load_config, query_config
from pipeline.cloud.bigquery.jobs import RecentJobs, Spending, Spent, recent_jobs
from pipeline.cloud.bigquery.rights import Rights
from pipeline.cloud.bigquery.submission import GRACE, Submit, run_once
from pipeline.cloud.bigquery.tables import Tables
from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, cloud_errors, with_retries
from pipeline.errors import SqlError
from pipeline.project.target import Target
from pipeline.rows.cast import cast_columns, refuse_missing
from pipeline.rows.schema import Schema
from pipeline.sql import Statement, TableName


class Warehouse:
    """BigQuery at a target; the connection is made at the first call.

    Parameters
    ----------
    target
        Names the project and the datasets.

    Attributes
    ----------
    spending
        Costs of the jobs so far.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.spending = Spending()

    @cached_property
    def _client(self) -> clients.Client:
        with cloud_errors(f"connecting to project {self.target.project}"):
            return clients.bigquery_client(self.target)

    @cached_property
    def tables(self) -> Tables:
        """The tables of the target."""
        return Tables(self._client, self.target)

    @cached_property
    def rights(self) -> Rights:
        """Permissions of the credentials."""
        return Rights(self._client, self.target)

    @property
    def credentials(self) -> Any:
        """The credentials of the client."""
        return self._client._credentials  # noqa: SLF001 - the client has no other name for them

    def recent_jobs(self, prefix: str, since: datetime) -> RecentJobs:
        """Return the state of the jobs since a moment whose ids begin with `prefix`."""
        return recent_jobs(self._client, prefix, since)

    def execute(self, statement: Statement, *, step: str, verify: Callable[[], bool] = lambda: True) -> int:
        """Run a statement that writes, once, and return the number of changed rows.

        Parameters
        ----------
        step
            Stem of the job id; a digest of statement and values is appended.
        verify
            Tells whether the effect of an earlier, finished attempt still exists.
        """
        config = query_config(self.target, statement)
        stem = f"{step}-{digest_json([statement.sql, dict(statement.values)])}"
        with _errors_of(statement, step):
            job = self._run_once(stem, self._query_submitter(statement, config), verify)
        self._spend(statement, job)
        self.spending.jobs.append(job.job_id)
        return int(job.num_dml_affected_rows or 0)

    def append(self, statement: Statement, *, step: str) -> int:
        """Run a statement that appends only missing rows, and return the number of appended rows.

        The statement is sent even if an earlier job with its id has finished, because its rows may be gone.
        """
        return self.execute(statement, step=step, verify=lambda: False)

    def rows(self, statement: Statement) -> list[dict[str, Any]]:
        """Return the rows of a statement that only reads, for small results."""
        with _errors_of(statement):
            job, found = with_retries(lambda: self._ask(statement))
        self._spend(statement, job)
        return found

    def _ask(self, statement: Statement) -> tuple[bigquery.QueryJob, list[dict[str, Any]]]:
        submit = self._query_submitter(statement, query_config(self.target, statement))
        job = submit(None)
        rows = job.result(retry=NO_RETRY, job_retry=NO_RETRY)
        return job, [dict(row.items()) for row in rows]

    def dry_run(self, statement: Statement) -> int:
        """Return BigQuery's estimate of the bytes that a statement would be billed for; nothing runs.

        The target's limit is not applied, because it would hide the number.

        Raises
        ------
        RequestError
            The statement is wrong, or names something that does not exist.
        """
        config = query_config(self.target, statement, is_limited=False)
        config.dry_run = True
        with _errors_of(statement):
            job = with_retries(lambda: self._query_submitter(statement, config)(None))
        return billed_bytes(int(job.total_bytes_processed or 0), len(job.referenced_tables))

    def _spend(self, statement: Statement, job: bigquery.QueryJob) -> None:
        spent = Spent(statement.asset.name, int(job.total_bytes_billed or 0), int(job.slot_millis or 0))
        self.spending.open.append(spent)

    def read_frame(self, table: TableName, schema: Schema, *, where: str = "", order_by: Sequence[str]) -> pd.DataFrame:
        """Read a named table through the Storage Read API.

        Parameters
        ----------
        schema
            Columns to return, with the types that the frame has.
        where
            Row restriction, e.g. `_shard = 3`.
        order_by
            Key columns by which the frame is sorted, because streams arrive in any order.

        Returns
        -------
        pd.DataFrame
            Shape (rows, columns of the schema), index 0..rows-1.
        """
        with cloud_errors(f"reading {table}"):
            fields = with_retries(lambda: self._client.get_table(str(table))).schema
            refuse_missing([field.name for field in fields], schema, str(table))
            columns = with_retries(lambda: self._read_columns(table, schema.names, where))
        return cast_columns(columns, schema, order_by, origin=str(table))

    def _read_columns(self, table: TableName, names: Sequence[str], where: str) -> dict[str, pa.ChunkedArray]:
        with clients.read_client(self.target) as client:
            return client.read_columns(table, names, where)

    def load_jsonl(
        self, uris: Sequence[str], table: TableName, schema: Schema, *, step: str, rows: int | None = None
    ) -> int:
        """Replace a table by the rows of JSON Lines files in one load job, and return their number.

        Parameters
        ----------
        step
            Stem of the job id.
        rows
            Expected number of rows, if known; a table with another number is loaded again.
        """

        def submit(job_id: str) -> bigquery.LoadJob:
            return self._client.load_table_from_uri(
                list(uris), str(table), job_id=job_id, job_config=config, retry=NO_RETRY, timeout=CALL_TIMEOUT
            )

        def stands() -> bool:
            found = self.tables.row_count(table)
            return found is not None and rows in (None, found)

        config = load_config(self.target, schema)
        stem = f"{step}-{digest_json([sorted(uris), str(table), schema.digest])}"
        with cloud_errors(f"loading {table}"):
            job = self._run_once(stem, submit, stands)
        self.spending.jobs.append(job.job_id)
        return int(job.output_rows or 0)

    def _run_once(self, job_id: str, submit: Submit, verify: Callable[[], bool]) -> Any:
        return run_once(self._client, job_id, submit, verify, deadline=self.target.job_timeout + GRACE)

    def _query_submitter(self, statement: Statement, config: bigquery.QueryJobConfig) -> Callable[[str | None], Any]:
        return lambda job_id: self._client.query(
            statement.sql, job_config=config, job_id=job_id, job_retry=NO_RETRY, retry=NO_RETRY, timeout=CALL_TIMEOUT
        )


LOCATION = re.compile(r"\s*\bat \[(\d+):\d+\]")
"""Line and column in a statement, as BigQuery writes them."""

LISTING = re.compile(r"\s+LINE \d+: [^\x01]*")
"""The part of the statement that the emulator appends: its own translation, which the user did not write."""


@contextmanager
def _errors_of(statement: Statement, step: str = "") -> Iterator[None]:
    """Turn errors of a statement into ours; a mistake in SQL names the file and the line first."""
    try:
        with cloud_errors(f"{_named(statement)}{f' ({step})' if step else ''}"):
            yield
    except SqlError as error:
        words, match = LISTING.sub("", error.given), LOCATION.search(error.given)
        if match and statement.lines:
            path, line = statement.lines[min(int(match[1]), len(statement.lines)) - 1]
            words = f"{path}:{line}: {LOCATION.sub('', words)}"
        raise SqlError(words, hint="fix the SQL or the data it reads") from error


def _named(statement: Statement) -> str:
    """Return the names of the assets of a statement, the outermost first."""
    return " with ".join(dict.fromkeys(asset.name for asset in statement.assets))
