"""docs/dashboards.md: its columns are those of the views, and its queries run."""

from __future__ import annotations

import re

import pytest

from pipeline.runs.tables import DASHBOARD_VIEWS, ensure_dashboard, ensure_tables
from tests.support.integration_fixtures import ROOT, reader

TEXT = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"bq query --use_legacy_sql=false \\\n\s+'([^']+)'", TEXT)
CONTRACT = {
    "latest": "job run_date variant role metric better n value low high note previous_run_date previous_value change"
    " sql_version sql_digest evaluated_at",
    "history": "job run_date variant role metric n value low high note sql_version sql_digest evaluated_at",
    "slices": "job run_date variant role metric slice_name slice_value n value low high note sql_version sql_digest",
    "calibration": "job run_date variant role bin n mean_score observed_rate low high sql_version sql_digest",
    "comparison": "job run_date champion challenger metric n champion_value challenger_value difference verdict reason"
    " verdict_n needed_n verdict_difference verdict_low verdict_high sql_version sql_digest",
    "drift": "job run_date run_id variant feature measure n value reference threshold is_warning note sql_version"
    " sql_digest",
    "runs": "job run_date run_id phase event variant rows seconds bytes slot_ms cost sql_version sql_digest code_digest"
    " recorded_at",
}
"""Columns that dashboards rely on: they never go away and never change their meaning."""


@pytest.fixture(scope="module")
def made(make_empty_session, quick_job):
    session = make_empty_session()
    ensure_tables(session, quick_job)
    ensure_dashboard(session, quick_job)
    return session


@pytest.mark.parametrize("view", DASHBOARD_VIEWS)
def test_columns_of_a_view_are_documented(made, view):
    found = made.warehouse.tables.schema(made.target.dashboard_table(f"dashboard_{view}")).names
    assert list(found) == CONTRACT[view].split()
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `dashboard_{view}` |"))
    if view == "slices":  # it says what differs from history
        row += next(line for line in TEXT.splitlines() if line.startswith("| `dashboard_history` |"))
    missing = [name for name in found if name not in ("job", "run_date") and f"`{name}`" not in row]
    assert missing == []


def test_every_view_has_a_query_and_a_chart():
    assert [re.search(r"dashboard_(\w+)`", query)[1] for query in QUERIES] == list(DASHBOARD_VIEWS)
    charts = re.findall(r"^\| [a-z ]+ \| `dashboard_(\w+)` \|", TEXT, re.MULTILINE)
    assert charts == list(DASHBOARD_VIEWS)


@pytest.mark.parametrize("query", QUERIES, ids=list(DASHBOARD_VIEWS))
def test_a_query_of_the_docs_runs(made, query):
    dashboard = f"{made.target.project}.{made.target.dashboard_dataset}"
    assert reader(made)(query.replace("PROJECT.ml_dashboard", dashboard)) == []
