"""Reads the permissions of the credentials on datasets and tables of BigQuery; nothing is created or changed.

Only tables and views have a method for it (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/testIamPermissions;
the method does not answer for missing tables, and is meant for tools like this one, not for access control). A
permission on a dataset holds for its tables, so one of them is asked; listings and dry runs show the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from google.cloud import bigquery
from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

from pipeline.cloud.bigquery import clients
from pipeline.cloud.bigquery.job_config import query_parameters
from pipeline.cloud.retries import NO_RETRY, call, call_or_none, cloud_errors
from pipeline.errors import ApiDisabled, PermissionMissing
from pipeline.project.target import Target
from pipeline.sql import Statement, TableName

LOOKED_AT = 50
"""Number of a dataset's tables among which one is chosen."""


@dataclass(frozen=True)
class Rights:
    """Permissions of the client's credentials at a target."""

    client: bigquery.Client
    target: Target

    def location(self, dataset: str) -> str | None:
        """Return the location of a dataset; None if it does not exist."""
        place = f"{self.target.project}.{dataset}"
        found = call_or_none(f"looking at dataset {dataset}", self.client.get_dataset, place)
        return str(found.location) if found else None

    def on_table(self, dataset: str, table: str, permissions: Iterable[str]) -> frozenset[str]:
        """Return the permissions among these that are held on an existing table."""
        name, asked = f"{self.target.project}.{dataset}.{table}", sorted(permissions)
        answer: dict[str, Any] = call(
            f"asking what is allowed on {name}", self.client.test_iam_permissions, name, asked
        )
        return frozenset(answer.get("permissions", []))

    def a_table(self, dataset: str, *, but: Container[str] = ()) -> str | None:
        """Return the name of a table in a dataset that is not among `but`; None without one."""
        names = [item.table_id for item in self._first(self.client.list_tables, dataset, "tables")]
        return next((name for name in names if name not in but), None)

    def a_function(self, dataset: str) -> str | None:
        """Return the name of a function in a dataset; None without one."""
        return next((item.routine_id for item in self._first(self.client.list_routines, dataset, "functions")), None)

    def _first(self, listing: Any, dataset: str, what: str) -> list[Any]:
        place = f"{self.target.project}.{dataset}"
        return call(
            f"listing {what} of dataset {dataset}",
            lambda **options: list(islice(listing(place, max_results=LOOKED_AT, **options), LOOKED_AT)),
        )

    def may_look_at_function(self, dataset: str, name: str) -> bool:
        """Tell whether a function can be read."""
        place = f"{self.target.project}.{dataset}.{name}"
        return self._allowed(f"looking at {place}", self.client.get_routine, place)

    def may_run(self, statement: Statement) -> bool:
        """Tell by a dry run whether a statement is allowed."""
        config = bigquery.QueryJobConfig(
            dry_run=True, use_query_cache=False, query_parameters=query_parameters(statement)
        )
        doing, query = f"dry run of {statement.asset.name}", self.client.query
        return self._allowed(doing, query, statement.sql, job_config=config, job_retry=NO_RETRY)

    def open_stream(self, table: TableName) -> None:
        """Open a stream of a table without reading it; a missing table is accepted."""
        path = f"projects/{table.project}/datasets/{table.dataset}/tables/{table.name}"
        asked = ReadSession(table=path, data_format=DataFormat.ARROW)
        parent = f"projects/{self.target.project}"
        doing = f"reading {table} as a stream"
        with cloud_errors(doing), clients.read_client(self.target) as client:
            call_or_none(doing, client.create_read_session, parent=parent, read_session=asked, max_stream_count=1)

    @staticmethod
    def _allowed(doing: str, method: Callable[..., Any], *arguments: Any, **options: Any) -> bool:
        try:
            call(doing, method, *arguments, **options)
        except ApiDisabled:
            raise
        except PermissionMissing:
            return False
        return True
