"""Every statement that a project sends over HTTP is one that `pipeline sql check` analyzed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from google.cloud import bigquery

from pipeline.errors import CheckError, RequestError
from pipeline.evaluation.comparisons import compare_variants
from pipeline.evaluation.gate import gate_job
from pipeline.explain.report import report_job
from pipeline.operate.champions import list_variants, roll_back
from pipeline.operate.sources import load_sources
from pipeline.operate.sql.check import check_sql
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.phases.run import evaluate_matured, run_job
from pipeline.project.target import Target
from pipeline.runs.session import Session
from tests.operate.sql.conftest import ANALYZER, TARGET
from tests.support.gate_lab import BETTER, day, gated_job, life, mature
from tests.support.integration_fixtures import Requests, read_source, reader

DAY, MATURE, BAD_DAY, BEYOND = date(2013, 7, 4), date(2013, 7, 7), date(2013, 7, 8), date(2013, 9, 1)
RUN_TABLE = re.compile(rf"({TARGET.runs_dataset})\.\w*?__(examples|predictions|labels)\w*`")
MOMENT = re.compile(r"(FOR SYSTEM_TIME AS OF TIMESTAMP) '[^']*'")


def normalised(sql: str) -> str:
    """Remove the parts that differ between runs: names of run tables, and the moment of the snapshot."""
    return MOMENT.sub(r"\1", RUN_TABLE.sub(r"\1.\2`", sql.strip()))


def texts(body: Any) -> Iterator[str]:
    """Yield every SQL text in the body of a request: of a job, of a query without one, of a view."""
    for key, value in body.items() if isinstance(body, dict) else ():
        if key == "query" and isinstance(value, str):
            yield value
        yield from texts(value)


def statements(requests: Requests, session: Session) -> set[str]:
    return {normalised(renamed(text, session.target)) for sent in requests.sent for text in texts(sent.body)}


def renamed(sql: str, target: Target) -> str:
    """Rename the datasets of a test to those of `pipeline sql check`, so that its cache has these statements."""
    for ours, theirs in zip(target.datasets, TARGET.datasets, strict=True):
        sql = sql.replace(f"`{target.project}.{ours}.", f"`{TARGET.project}.{theirs}.")
    return sql


def analyzed(session: Session) -> dict[str, str]:
    """Return the statements that the check analyzes, with the names of their assets."""
    checked = check_sql(session.project, TARGET, ANALYZER)
    assert [str(finding) for finding in checked.findings if finding.path.suffix == ".sql"] == []
    return {normalised(statement.sql): statement.asset.name for statement in checked.statements}


def run_everything(session, job, folder, tmp_path) -> None:
    """Run a job: run dates, an evaluation, a report, bad data, missing data."""
    run_job(session, job, DAY)
    assert evaluate_matured(session, job, MATURE).evaluated
    run_job(session, job, DAY, rerun=True)
    assert len(report_job(session, job, DAY, MATURE)) > 1

    with pytest.raises(RequestError, match="nothing to score; flights_schedule was known from"):
        run_job(session, job, BEYOND)

    changed = shutil.copytree(folder, tmp_path / "sources")
    schedule = read_source(changed, "flights_schedule")
    is_bad = (pl.col("flight_date") == str(BAD_DAY)) & (pl.col("departure_hour") == 23)
    hour = pl.when(is_bad).then(24).otherwise(pl.col("departure_hour"))
    schedule.with_columns(departure_hour=hour).write_ndjson(changed / "flights_schedule.jsonl")
    load_sources(session, job, changed)
    with pytest.raises(CheckError, match=r"check range .*departure_hour.* failed: 1 rows?, e\.g\. "):
        run_job(session, job, BAD_DAY)


@pytest.mark.long
def test_every_sent_statement_was_analyzed(fresh_session, quick_job, fixtures_folder, tmp_path, requests_sent):
    run_everything(fresh_session, quick_job, fixtures_folder, tmp_path)
    known = analyzed(fresh_session)
    sent = statements(requests_sent, fresh_session)
    assert sorted(sent - set(known)) == []
    assert len(sent) > 25
    assert {known[text] for text in sent} >= ALWAYS_SENT


ALWAYS_SENT = {
    *("phases/examples_v1", "phases/labels_v1", "phases/publish_v1", "phases/record_metrics_v1", "udf/binary_log_loss"),
    *("phases/offending_rows_v1", "phases/source_range_v1", "phases/keyed_profile_v1", "dashboard/report_v1"),
    *(
        "metrics/binary_classification_v1",
        "ledger/append_champion_v1",
        "ledger/append_verdict_v1",
        "ledger/events_of_v1",
    ),
}
"""Statements that a job always sends, so that the test has something to compare."""


def test_every_statement_about_files_was_analyzed(make_empty_session, job, tmp_path, requests_sent):
    session = make_empty_session()
    key = {"flight_date": [str(DAY)] * 2, "carrier": ["AA"] * 2, "flight": [1, 2], "origin": ["JFK"] * 2}
    scores, labels = tmp_path / "scores.jsonl", tmp_path / "known.jsonl"
    pl.DataFrame({**key, "score": [0.25, 0.75]}).write_ndjson(scores)
    pl.DataFrame({**key, "label": [0, 1]}).write_ndjson(labels)
    assert evaluate_from_path(session, job, str(scores), str(labels), name="theirs")
    assert len(statements(requests_sent, session)) > 10
    assert sorted(statements(requests_sent, session) - set(analyzed(session))) == []


def test_every_statement_of_the_gate_was_analyzed(make_session, job, requests_sent):
    session, own = make_session(), replace(gated_job(job), name="flight_delay")
    life(session, own, 3, {"new": BETTER})
    labels = session.target.run_table("flight_delay__20130701__0123456789__labels")
    known = "flight_date, carrier, flight, origin, 1 AS label, origin AS dest"
    reader(session)(f"CREATE TABLE runs.{labels.name} AS SELECT {known} FROM ml.flight_outcomes LIMIT 3")
    requests_sent.clear()
    compare_variants(session, own, day(0), "r", labels, "e", [variant.id for variant in own.variants])
    assert [verdict["verdict"] for verdict in gate_job(session, own, mature(2))][-1] == "promote"
    roll_back(session, own, "by hand")
    assert len(list_variants(session, own)) == 2
    sent, checked = statements(requests_sent, session), analyzed(session)
    assert sorted(sent - set(checked)) == []
    assert {checked[text] for text in sent} >= {
        *("phases/record_comparisons_v1", "gate/judge_v1", "gate/append_verdicts_v1", "gate/undone_v1"),
        *("gate/promote_v1", "gate/champions_of_v1", "gate/variants_v1"),
    }


def test_a_statement_that_bypasses_the_check_is_found(make_empty_session, requests_sent):
    session = make_empty_session()
    client = session.warehouse._client
    client.query_and_wait("SELECT 1 AS at_once", api_timeout=20)
    client.query("SELECT 1 AS as_a_job", timeout=20).result()
    view = bigquery.Table(str(session.target.table("planted")))
    view.view_query = "SELECT 1 AS in_a_view"
    client.create_table(view, timeout=20)
    planted = {"SELECT 1 AS at_once", "SELECT 1 AS as_a_job", "SELECT 1 AS in_a_view"}
    assert statements(requests_sent, session) - set(analyzed(session)) == planted


def test_only_differences_between_runs_are_removed():
    place = "`p-1.ml_runs.flight_delay__20130704__0a54d82312__"
    assert normalised(f"FROM {place}examples`") == "FROM `p-1.ml_runs.examples`"
    assert normalised(f"FROM {place}predictions__m_0a54d823__0123456789abcdef`") == "FROM `p-1.ml_runs.predictions`"
    staged = "`p-1.ml_runs.flight_delay_staged_theirs__predictions_0a54d823`"
    assert normalised(f"FROM {staged}") == "FROM `p-1.ml_runs.predictions`"
    snapshot = "FROM `p-1.t1.weather` FOR SYSTEM_TIME AS OF TIMESTAMP '2013-07-04 04:00:00.000000+00' WHERE x = '1'"
    assert normalised(snapshot) == "FROM `p-1.t1.weather` FOR SYSTEM_TIME AS OF TIMESTAMP WHERE x = '1'"
    assert normalised("FROM `p-1.t1.weather` WHERE x = '1'") == "FROM `p-1.t1.weather` WHERE x = '1'"
    for other in ("`p-1.t1.events__labels`", "`p-1.t1_ledger_dataset.a__labels`", "`p-1.ml_runs.a__other`"):
        assert normalised(other) == other
