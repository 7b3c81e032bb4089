"""What the credentials may do with datasets and tables of BigQuery; nothing is made or changed.

Only tables and views can be asked (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/testIamPermissions;
it says nothing of a table that is missing, and is meant for tools like this one, not for deciding about access). A
right on a dataset holds for its tables, so one of them is asked; for the rest there are listings and dry runs.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

from pipeline.cloud.bigquery import clients
from pipeline.cloud.bigquery.job_config import query_parameters
from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, cloud_errors, with_retries
from pipeline.errors import ApiDisabled, PermissionMissing
from pipeline.project.target import Target
from pipeline.sql import Statement, TableName

LOOKED_AT = 50
"""Tables of a dataset among which one is taken to be asked."""


@dataclass(frozen=True)
class Rights:
    """Rights at a target, of whoever the client's credentials are."""

    client: bigquery.Client
    target: Target

    def location(self, dataset: str) -> str | None:
        """Return where a dataset lies, or None when there is none."""
        place = f"{self.target.project}.{dataset}"
        with cloud_errors(f"looking at dataset {dataset}"):
            try:
                found = with_retries(lambda: self.client.get_dataset(place, timeout=CALL_TIMEOUT, retry=NO_RETRY))
            except exceptions.NotFound:
                return None
        return str(found.location)

    def on_table(self, dataset: str, table: str, permissions: Iterable[str]) -> frozenset[str]:
        """Return those of the permissions that are held on a table that exists."""
        name, asked = f"{self.target.project}.{dataset}.{table}", sorted(permissions)
        with cloud_errors(f"asking what is allowed on {name}"):
            answer: dict[str, Any] = with_retries(
                lambda: self.client.test_iam_permissions(name, asked, timeout=CALL_TIMEOUT, retry=NO_RETRY)
            )
        return frozenset(answer.get("permissions", []))

    def a_table(self, dataset: str, *, but: Container[str] = ()) -> str | None:
        """Return the name of a table of a dataset that is none of those named; None when there is none."""
        names = [item.table_id for item in self._first(self.client.list_tables, dataset, "tables")]
        return next((name for name in names if name not in but), None)

    def a_function(self, dataset: str) -> str | None:
        """Return the name of a function of a dataset; None when there is none."""
        return next((item.routine_id for item in self._first(self.client.list_routines, dataset, "functions")), None)

    def _first(self, listing: Any, dataset: str, what: str) -> list[Any]:
        place = f"{self.target.project}.{dataset}"
        options = {"max_results": LOOKED_AT, "timeout": CALL_TIMEOUT, "retry": NO_RETRY}
        with cloud_errors(f"listing {what} of dataset {dataset}"):
            return with_retries(lambda: list(islice(listing(place, **options), LOOKED_AT)))

    def may_look_at_function(self, dataset: str, name: str) -> bool:
        """Tell whether a function can be looked at."""
        place = f"{self.target.project}.{dataset}.{name}"
        return self._allowed(
            f"looking at {place}", lambda: self.client.get_routine(place, timeout=CALL_TIMEOUT, retry=NO_RETRY)
        )

    def may_run(self, statement: Statement) -> bool:
        """Tell by a dry run whether a statement is allowed."""
        config = bigquery.QueryJobConfig(
            dry_run=True, use_query_cache=False, query_parameters=query_parameters(statement)
        )
        return self._allowed(
            f"dry run of {statement.asset.name}",
            lambda: self.client.query(
                statement.sql, job_config=config, job_retry=NO_RETRY, retry=NO_RETRY, timeout=CALL_TIMEOUT
            ),
        )

    def open_stream(self, table: TableName) -> None:
        """Begin to read a table as a stream and leave it at that; that a table is missing is an answer, too."""
        path = f"projects/{table.project}/datasets/{table.dataset}/tables/{table.name}"
        asked = ReadSession(table=path, data_format=DataFormat.ARROW)
        parent = f"projects/{self.target.project}"
        with cloud_errors(f"reading {table} as a stream"), clients.read_client(self.target) as client:
            try:
                with_retries(lambda: client.create_read_session(parent=parent, read_session=asked, max_stream_count=1))
            except exceptions.NotFound:
                return

    @staticmethod
    def _allowed(doing: str, call: Any) -> bool:
        try:
            with cloud_errors(doing):
                with_retries(call)
        except ApiDisabled:
            raise
        except PermissionMissing:
            return False
        return True
