"""Only pipeline.cloud.bigquery imports the BigQuery client, and only pipeline.cloud.storage that of Cloud Storage."""

import ast

import pytest

from tools.lint_clients import check


def found(source: str, path: str) -> list[str]:
    return [str(finding) for finding in check(ast.parse(source), path)]


@pytest.mark.parametrize(
    "source",
    [
        "import google.cloud.bigquery",
        "import google.cloud.bigquery as bq",
        "from google.cloud import bigquery",
        "from google.cloud import bigquery_storage",
        "from google.cloud.bigquery import Client",
        "from google.cloud.bigquery_storage_v1.types import ReadSession",
        "import pandas_gbq",
        "def f():\n    from pandas_gbq import read_gbq",
    ],
)
def test_only_the_warehouse_imports_bigquery(source):
    assert len(found(source, "pipeline/phases/train.py")) == 1
    assert len(found(source, "pipeline/cloud/storage/store.py")) == 1
    assert len(found(source, "jobs/flight_delay/model.py")) == 1
    assert found(source, "pipeline/cloud/bigquery/clients.py") == []


@pytest.mark.parametrize("source", ["from google.cloud import storage", "import google.cloud.storage.blob"])
def test_only_the_store_imports_cloud_storage(source):
    assert len(found(source, "pipeline/cloud/bigquery/clients.py")) == 1
    assert found(source, "pipeline/cloud/storage/store.py") == []


def test_both_clients_in_one_statement_are_two_findings():
    lines = found("x = 1\nfrom google.cloud import bigquery, storage", "pipeline/ledger.py")
    assert lines == [
        "pipeline/ledger.py:2: only pipeline.cloud.bigquery imports google.cloud.bigquery: call that instead",
        "pipeline/ledger.py:2: only pipeline.cloud.storage imports google.cloud.storage: call that instead",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "from google.api_core import exceptions",
        "from google.cloud import workflows",
        "from . import storage",
        "import google_crc32c",
    ],
)
def test_other_imports_are_allowed(source):
    assert found(source, "pipeline/ledger.py") == []
