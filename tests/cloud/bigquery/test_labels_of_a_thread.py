"""Labels of jobs: how they hold, and those of every job that a run really sends over HTTP."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from pipeline.base.pricing import cost_of
from pipeline.cloud.bigquery.billing_labels import job_labels, label_from_here, labelled
from pipeline.phases.run import evaluate_matured, run_job
from tests.support.integration_fixtures import Requests, reader

DAY = date(2013, 7, 4)
VALUE = re.compile(r"[a-z0-9_-]{1,63}")
RESERVATION = "projects/p/locations/US/reservations/nightly"
OF_TARGET = {"labels": {"team": "growth"}, "maximum_bytes_billed": 10**12, "job_timeout": 1800, "priority": "BATCH"}


def test_labels_hold_until_the_end_and_inner_ones_win():
    with labelled(job="a", phase="x"):
        with labelled(phase="y"):
            label_from_here(run_id="r")
            assert job_labels() == {"job": "a", "phase": "y", "run_id": "r"}
        assert job_labels() == {"job": "a", "phase": "x"}
    assert job_labels() == {}


def test_labels_end_with_an_error():
    with pytest.raises(ValueError, match="bug"), labelled(job="a"):
        raise ValueError("bug")
    assert job_labels() == {}


def test_threads_have_labels_of_their_own():
    def label(name: str) -> dict[str, str]:
        with labelled(job=name):
            return dict(job_labels())

    with labelled(job="mine"), ThreadPoolExecutor(2) as threads:
        assert list(threads.map(label, "ab")) == [{"job": "a"}, {"job": "b"}]
        assert job_labels() == {"job": "mine"}


@pytest.fixture(scope="module")
def ran(make_session, connect, quick_job):
    """A run and its evaluation at a target that asks for everything, and what was sent for them."""
    with pytest.MonkeyPatch.context() as patch:
        asked = {**OF_TARGET, "reservation": RESERVATION, "price_per_tib": 6.25}
        session = connect(make_session().target.model_copy(update=asked))
        requests = Requests.recorded(patch)
        run = run_job(session, quick_job, DAY)
        evaluate_matured(session, quick_job, DAY + timedelta(days=2))
    posts = [sent for sent in requests.sent if sent.method == "POST" and re.search(r"/(jobs|queries)$", sent.path)]
    posts = [sent for sent in posts if not sent.is_preview]
    return session, run, {sent.body["jobReference"]["jobId"]: sent.body["configuration"] for sent in posts}


def test_every_job_says_who_sent_it(ran):
    _, run, sent = ran
    assert len(sent) > 30
    for configuration in sent.values():
        labels = configuration["labels"]
        assert {"pipeline", "job", "phase", "run_id", "sql_version", "team"} <= set(labels), labels
        assert all(VALUE.fullmatch(value) for value in labels.values()), labels
        assert labels["job"] == "flight_delay"
        assert labels["run_id"] in (run.run_id, f"flight_delay-{DAY}", f"flight_delay-{DAY + timedelta(days=2)}")


def test_jobs_of_all_phases_are_told_apart(ran):
    _, run, sent = ran
    phases = {(each["labels"]["phase"], each["labels"]["run_id"] == run.run_id) for each in sent.values()}
    assert phases >= {(phase, True) for phase in ("preprocess", "train", "predict", "load", "evaluate")}
    assert phases >= {("setup", False), ("run", False)}
    versions = {each["labels"]["sql_version"]: each["labels"]["phase"] for each in sent.values()}
    expected = {"phases_examples_v1": "preprocess", "load": "load", "phases_publish_v1": "load"}
    assert expected.items() <= versions.items()
    assert versions["phases_record_metrics_v1"] == versions["drift_record_v1"] == "evaluate"


def test_every_job_is_limited_as_the_target_says(ran):
    for configuration in ran[2].values():
        assert configuration["jobTimeoutMs"] == "1800000"
        assert configuration.get("reservation") == (RESERVATION if "query" in configuration else None)
        if "query" in configuration:
            query = configuration["query"]
            assert (query["priority"], query["maximumBytesBilled"]) == ("BATCH", str(10**12))


def test_events_tell_what_the_jobs_took_each_once(ran):
    session, _, sent = ran
    view = session.target.dashboard_table("dashboard_runs").quoted
    told = [row for row in reader(session)(f"SELECT * FROM {view}") if row["bytes"] is not None]
    assert {row["phase"] for row in told} == {"preprocess", "train", "load", "evaluate"}
    assert sum(row["slot_ms"] for row in told) > 0
    total, open_ = sum(row["bytes"] for row in told), sum(each.size for each in session.warehouse.spending.open)
    jobs = [session.warehouse._client.get_job(job_id, location="US") for job_id in sent]
    assert total + open_ == sum(job.total_bytes_billed or 0 for job in jobs if job.job_type == "query")
    assert open_ < total / 4  # what comes after the last event: its own append, and the gate
    assert sum(row["cost"] for row in told) == pytest.approx(cost_of(total, 6.25))


def test_an_event_tells_the_bytes_of_each_statement(ran):
    session, run, _ = ran
    rows = reader(session)(f"SELECT details FROM ledger.events WHERE run_id = '{run.run_id}' AND phase = 'preprocess'")
    details = next(found for row in rows if "statements" in (found := json.loads(row["details"])))
    assert details["statements"]["phases/examples_v1"][0] == 1
    assert details["bytes"] == sum(size for _, size in details["statements"].values())
