"""Tables of a dataset as BigQuery lists them: by name, with their labels, and page by page."""

from __future__ import annotations

from typing import Any

from bqemulator.api.routes import tables
from bqemulator.catalog.repository import CatalogRepository
from starlette.datastructures import QueryParams

PAGE = 1000


def table_list(catalog: CatalogRepository, project: str, dataset: str, query: QueryParams) -> dict[str, Any]:
    """List the tables of a dataset; the emulator's list has no labels, and ends with its first page."""
    found = sorted(catalog.list_tables(project, dataset), key=lambda table: table.table_id)
    asked = [table for table in found if table.table_id > query.get("pageToken", "")]
    page = asked[: int(query.get("maxResults", PAGE))]
    next_page = {"nextPageToken": page[-1].table_id} if page and asked[len(page) :] else {}
    return {
        "kind": "bigquery#tableList",
        "tables": [_list_item(table) for table in page],
        "totalItems": len(found),
    } | next_page


def _list_item(table: Any) -> dict[str, Any]:
    item = tables._table_to_list_item(table)  # noqa: SLF001 - no other
    return item | ({"labels": table.labels} if table.labels else {})
