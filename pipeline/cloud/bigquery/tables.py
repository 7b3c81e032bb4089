"""Creates, labels, lists and removes tables, views, functions and datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from google.cloud import bigquery

from pipeline.cloud.bigquery.billing_labels import as_labels
from pipeline.cloud.bigquery.job_config import result_columns, schema_fields, schema_of
from pipeline.cloud.retries import call, call_or_none
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
class TableFacts:
    """The kind of a table (`TABLE`, `VIEW`, ...), its number of rows, and its columns with their types."""

    kind: str
    rows: int
    columns: Mapping[str, str]


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
        return call_or_none(f"looking at {table}", self.client.get_table, str(table))

    def schema(self, table: TableName) -> Schema:
        """Return the columns of a table.

        Raises
        ------
        RequestError
            The table does not exist, or a column has a type that frames do not have.
        """
        found = call(f"looking at {table}", self.client.get_table, str(table))
        try:
            return schema_of(found.schema)
        except ValueError as error:
            raise RequestError(f"{table}: {error}", hint="select the other columns into a table") from error

    def facts(self, table: TableName) -> TableFacts | None:
        """Return what a table is and holds, with columns of any type; None if it does not exist."""
        found = self._get(table)
        if found is None:
            return None
        columns = {column.name: column.type for column in result_columns(found.schema).columns}
        return TableFacts(str(found.table_type or "TABLE"), int(found.num_rows or 0), columns)

    def result_columns(self, table: TableName) -> Schema:
        """Return the columns that a statement gave a table, also those of types that frames do not have."""
        return result_columns(call(f"looking at {table}", self.client.get_table, str(table)).schema)

    def label_run_table(self, table: TableName, labels: Mapping[str, str]) -> None:
        """Set labels and expiration of a run table."""
        labelled = self._labelled(table, labels)
        labelled.expires = datetime.now(UTC) + timedelta(days=RUN_TABLE_DAYS)
        call(f"labelling {table}", self.client.update_table, labelled, ["labels", "expires"])

    def set_labels(self, table: TableName, labels: Mapping[str, str]) -> None:
        """Set the labels of a table or view."""
        call(f"labelling {table}", self.client.update_table, self._labelled(table, labels), ["labels"])

    def _labelled(self, table: TableName, labels: Mapping[str, str], schema: Schema | None = None) -> bigquery.Table:
        labelled = bigquery.Table(str(table), schema=schema_fields(schema) if schema else None)
        labelled.labels = as_labels({**self.target.labels, **labels})
        return labelled

    def labels_in(self, dataset: str) -> dict[str, dict[str, str]]:
        """Return the labels of every table and view of a dataset, by name."""
        found = call(f"listing dataset {dataset}", self._items, dataset)
        return {item.table_id: dict(item.labels) for item in found}

    def _items(self, dataset: str, **options: Any) -> list[Any]:
        return list(self.client.list_tables(f"{self.target.project}.{dataset}", **options))

    def listed(self, dataset: str) -> list[ListedTable]:
        """Return the tables and views of a dataset; empty if the dataset does not exist."""
        return [
            ListedTable(TableName(self.target.project, dataset, item.table_id), dict(item.labels), item.created)
            for item in call_or_none(f"listing dataset {dataset}", self._items, dataset) or []
        ]

    def look_at(self, table: TableName) -> TableUse | None:
        """Return when a table was last changed and its size; None if it does not exist."""
        found = self._get(table)
        return TableUse(found.modified, int(found.num_bytes or 0)) if found else None

    def delete(self, table: TableName) -> bool:
        """Remove a table; return False if it did not exist."""

        def delete(**options: Any) -> bool:
            self.client.delete_table(str(table), **options)
            return True

        return call_or_none(f"removing {table}", delete) or False

    def functions(self) -> set[str]:
        """Return the names of the user-defined functions of the main dataset."""
        dataset = f"{self.target.project}.{self.target.dataset}"
        listing = self.client.list_routines
        found = call(f"listing functions of {dataset}", lambda **options: list(listing(dataset, **options)))
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
        made = self._labelled(table, labels, schema)
        if partition_by:
            made.time_partitioning = bigquery.TimePartitioning(field=partition_by)
            made.clustering_fields = list(cluster_by)
        call(f"creating {table}", self.client.create_table, made, exists_ok=True)

    def create_datasets(self) -> None:
        """Create the target's missing datasets."""
        project = self.target.project

        def names(**options: Any) -> set[str]:
            return {item.dataset_id for item in self.client.list_datasets(project, **options)}

        existing = call(f"listing datasets of {project}", names)
        for name in self.target.datasets:
            if name in existing:
                continue
            dataset = bigquery.Dataset(f"{self.target.project}.{name}")
            dataset.location = self.target.location
            call(f"creating dataset {name}", self.client.create_dataset, dataset, exists_ok=True)
