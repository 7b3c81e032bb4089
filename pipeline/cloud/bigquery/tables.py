"""Creates, labels, lists and removes tables, views, functions and datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from google.api_core import exceptions
from google.cloud import bigquery

from pipeline.cloud.bigquery.billing_labels import as_labels
from pipeline.cloud.bigquery.job_config import schema_fields, schema_of
from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, cloud_errors, with_retries
from pipeline.errors import RequestError
from pipeline.project.target import RUN_TABLE_DAYS, Target
from pipeline.rows.schema import Schema
from pipeline.sql import TableName

NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ListedTable:
    """A table in the listing of its dataset."""

    name: TableName
    labels: Mapping[str, str]
    created: datetime


@dataclass(frozen=True)
class TableUse:
    """When a table was last changed, and its size in bytes."""

    modified: datetime
    size: int


@dataclass(frozen=True)
class Tables:
    """The tables of a target."""

    client: bigquery.Client
    target: Target

    def exists(self, table: TableName) -> bool:
        """Tell whether a table or view exists."""
        return self.row_count(table) is not None

    def row_count(self, table: TableName) -> int | None:
        """Return the number of rows of a table (0 for a view); None if it does not exist."""
        found = self._get(table)
        return int(found.num_rows or 0) if found else None

    def _get(self, table: TableName) -> bigquery.Table | None:
        with cloud_errors(f"looking at {table}"):
            try:
                return with_retries(lambda: self.client.get_table(str(table), timeout=CALL_TIMEOUT, retry=NO_RETRY))
            except exceptions.NotFound:
                return None

    def schema(self, table: TableName) -> Schema:
        """Return the columns of a table.

        Raises
        ------
        RequestError
            The table does not exist, or a column has a type that frames do not have.
        """
        with cloud_errors(f"looking at {table}"):
            found = with_retries(lambda: self.client.get_table(str(table), timeout=CALL_TIMEOUT, retry=NO_RETRY))
        try:
            return schema_of(found.schema)
        except ValueError as error:
            raise RequestError(f"{table}: {error}", hint="select the other columns into a table") from error

    def label_run_table(self, table: TableName, labels: Mapping[str, str]) -> None:
        """Set labels and expiration of a run table."""
        with cloud_errors(f"labelling {table}"):
            found = bigquery.Table(str(table))
            found.labels = as_labels({**self.target.labels, **labels})
            found.expires = datetime.now(UTC) + timedelta(days=RUN_TABLE_DAYS)
            with_retries(
                lambda: self.client.update_table(found, ["labels", "expires"], timeout=CALL_TIMEOUT, retry=NO_RETRY)
            )

    def labels_in(self, dataset: str) -> dict[str, dict[str, str]]:
        """Return the labels of every table and view of a dataset, by name."""
        with cloud_errors(f"listing dataset {dataset}"):
            found = self._items(dataset)
        return {item.table_id: dict(item.labels) for item in found}

    def _items(self, dataset: str) -> list[Any]:
        place = f"{self.target.project}.{dataset}"
        return with_retries(lambda: list(self.client.list_tables(place, timeout=CALL_TIMEOUT, retry=NO_RETRY)))

    def listed(self, dataset: str) -> list[ListedTable]:
        """Return the tables and views of a dataset; empty if the dataset does not exist."""
        with cloud_errors(f"listing dataset {dataset}"):
            try:
                found = self._items(dataset)
            except exceptions.NotFound:
                return []
        return [
            ListedTable(TableName(self.target.project, dataset, item.table_id), dict(item.labels), item.created)
            for item in found
        ]

    def look_at(self, table: TableName) -> TableUse | None:
        """Return when a table was last changed and its size; None if it does not exist."""
        found = self._get(table)
        return TableUse(found.modified, int(found.num_bytes or 0)) if found else None

    def delete(self, table: TableName) -> bool:
        """Remove a table; return False if it did not exist."""
        with cloud_errors(f"removing {table}"):
            try:
                with_retries(lambda: self.client.delete_table(str(table), timeout=CALL_TIMEOUT, retry=NO_RETRY))
            except exceptions.NotFound:
                return False
        return True

    def has_dataset(self, name: str) -> bool:
        """Tell whether a dataset exists."""
        place = f"{self.target.project}.{name}"
        with cloud_errors(f"looking at dataset {name}"):
            try:
                with_retries(lambda: self.client.get_dataset(place, timeout=CALL_TIMEOUT, retry=NO_RETRY))
            except exceptions.NotFound:
                return False
        return True

    def functions(self) -> set[str]:
        """Return the names of the user-defined functions of the main dataset."""
        dataset = f"{self.target.project}.{self.target.dataset}"
        with cloud_errors(f"listing functions of {dataset}"):
            found = with_retries(lambda: list(self.client.list_routines(dataset, timeout=CALL_TIMEOUT, retry=NO_RETRY)))
        return {item.routine_id for item in found}

    def create(
        self,
        table: TableName,
        schema: Schema,
        *,
        partition_by: str | None = None,
        cluster_by: Sequence[str] = (),
        labels: Mapping[str, str] = NO_LABELS,
    ) -> None:
        """Create a table unless it exists, partitioned by day if a column is given."""
        made = bigquery.Table(str(table), schema=schema_fields(schema))
        made.labels = as_labels({**self.target.labels, **labels})
        if partition_by:
            made.time_partitioning = bigquery.TimePartitioning(field=partition_by)
            made.clustering_fields = list(cluster_by)
        with cloud_errors(f"creating {table}"):
            with_retries(lambda: self.client.create_table(made, exists_ok=True, timeout=CALL_TIMEOUT, retry=NO_RETRY))

    def set_labels(self, table: TableName, labels: Mapping[str, str]) -> None:
        """Set the labels of a table or view."""
        with cloud_errors(f"labelling {table}"):
            found = bigquery.Table(str(table))
            found.labels = as_labels({**self.target.labels, **labels})
            with_retries(lambda: self.client.update_table(found, ["labels"], timeout=CALL_TIMEOUT, retry=NO_RETRY))

    def create_datasets(self) -> None:
        """Create the target's missing datasets."""
        with cloud_errors(f"listing datasets of {self.target.project}"):
            existing = with_retries(
                lambda: {
                    item.dataset_id
                    for item in self.client.list_datasets(self.target.project, timeout=CALL_TIMEOUT, retry=NO_RETRY)
                }
            )
        for name in self.target.datasets:
            if name in existing:
                continue
            dataset = bigquery.Dataset(f"{self.target.project}.{name}")
            dataset.location = self.target.location
            with cloud_errors(f"creating dataset {name}"):
                with_retries(
                    lambda dataset=dataset: self.client.create_dataset(  # type: ignore[misc]
                        dataset, exists_ok=True, timeout=CALL_TIMEOUT, retry=NO_RETRY
                    )
                )
