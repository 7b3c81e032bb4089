"""Lists of tables at the running emulator, through Google's client."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import NotFound

NAMES = ["a", "b", "c", "d", "e"]


@pytest.fixture
def tables(client, dataset):
    """Five tables, made in another order than that of their names."""
    for name in reversed(NAMES):
        client.create_table(f"{client.project}.{dataset}.{name}", timeout=10)


def test_tables_are_listed_by_name_page_by_page(client, dataset, tables):
    pages = client.list_tables(dataset, page_size=2, timeout=10).pages
    assert [[item.table_id for item in page] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert [item.table_id for item in client.list_tables(dataset, timeout=10)] == NAMES
    assert [item.table_id for item in client.list_tables(dataset, max_results=3, timeout=10)] == NAMES[:3]


def test_table_list_continues_when_tables_come_and_go(client, dataset, tables):
    pages = client.list_tables(dataset, page_size=2, timeout=10).pages
    found = [item.table_id for item in next(pages)]
    client.delete_table(f"{dataset}.b", timeout=10)
    client.create_table(f"{client.project}.{dataset}.aa", timeout=10)
    found += [item.table_id for page in pages for item in page]
    assert found == NAMES


def test_tables_are_listed_with_their_labels(client, dataset, tables):
    table = client.get_table(f"{dataset}.c", timeout=10)
    table.labels = {"job": "j"}
    client.update_table(table, ["labels"], timeout=10)
    assert [dict(item.labels) for item in client.list_tables(dataset, timeout=10)] == [{}, {}, {"job": "j"}, {}, {}]


def test_tables_of_a_missing_dataset_are_not_found(client):
    with pytest.raises(NotFound, match="Not found: Dataset pipeline-local:nowhere"):
        list(client.list_tables("nowhere", timeout=10))
