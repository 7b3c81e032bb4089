from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from pipeline.errors import RequestError
from pipeline.phases.run import run_job, run_phase
from pipeline.runs.opening import open_run
from tests.support.changed_variants import ROWS, job_with_prior
from tests.support.integration_fixtures import reader, with_history_days

pytestmark = pytest.mark.cloud

DAY = date(2013, 7, 5)
EVENT_COLUMNS = [
    *("event_id", "job", "run_date", "run_id", "phase", "event", "variant", "model_id", "uri", "row_count", "seconds"),
    *("sql_version", "sql_digest", "details", "recorded_at"),
]


@pytest.fixture(scope="module")
def one(job):
    """The job with one cheap variant, whose labels never mature, for tests that do not look at models and metrics."""
    return job_with_prior(job, 20.0)


@pytest.fixture(scope="module")
def done(session, quick_job):
    return run_job(session, quick_job, DAY)


def slice_of(session, day, columns="*"):
    return reader(session)(
        f"SELECT {columns} FROM ml.flight_delay__predictions_v1 WHERE run_date = '{day}'"
        " ORDER BY variant, flight, origin"
    )


def run_ids(session, day):
    return {row["run_id"] for row in slice_of(session, day)}


def test_a_run_carries_out_every_phase(session, quick_job, done):
    assert (done.status, done.job, done.run_date) == ("done", "flight_delay", DAY)
    assert done.run_id.startswith("flight_delay-2013-07-05-")
    counts = {"preprocess": 35 * 16, "train": done.rows["train"], "predict": 32, "load": 32}
    assert done.rows == counts
    assert set(done.seconds) == {"preprocess", "train", "predict", "load", "evaluate"}
    assert set(done.tables) == {"examples", "predictions"}
    assert len(done.uris["predictions"]) == 2 * quick_job.spec.predictions.shards
    assert done.evaluated == []
    rows = slice_of(session, DAY)
    assert len(rows) == 32
    assert {(row["variant"], row["model_id"]) for row in rows} == {
        (model["variant"], model["model_id"]) for model in done.models
    }


def test_each_phase_records_its_events_once(session, quick_job, done):
    rows = reader(session)("SELECT * FROM ledger.events_v1")
    assert list(rows[0]) == EVENT_COLUMNS
    of_run = [row for row in rows if row["run_id"] == done.run_id]
    phases = [(row["phase"], row["event"]) for row in of_run]
    assert sorted(phases) == sorted(
        [("preprocess", "checked"), ("preprocess", "done")]
        + [("train", "done"), ("predict", "done"), ("load", "published")] * 2
    )
    assert len({row["event_id"] for row in of_run}) == len(of_run)
    preprocess = next(row for row in of_run if (row["phase"], row["event"]) == ("preprocess", "done"))
    assert (preprocess["sql_version"], preprocess["row_count"]) == (quick_job.spec.examples.sql, 35 * 16)
    assert reader(session)("SELECT COUNT(*) AS n FROM ledger.events") == [{"n": len(rows)}]


def test_a_second_run_is_already_done_and_writes_nothing(session, quick_job, done, requests_sent):
    again = run_job(session, quick_job, DAY)
    assert (again.status, again.run_id, again.models) == ("already_done", done.run_id, done.models)
    assert requests_sent.writes == []
    assert requests_sent.sent != []


def test_single_phases_make_what_the_run_makes(fresh_session, quick_job, session, done):
    for phase in ("preprocess", "train", "predict", "load"):
        assert run_phase(fresh_session, quick_job, DAY, phase).status == "done"
    columns = "variant, model_id, flight_date, carrier, flight, origin, score"
    assert slice_of(fresh_session, DAY, columns) == slice_of(session, DAY, columns)
    assert run_job(fresh_session, quick_job, DAY).status == "already_done"


def test_a_run_evaluates_what_has_matured_by_its_date(session, quick_job, done):
    days = [date(2013, 6, 25), date(2013, 6, 27)]
    assert run_job(session, quick_job, days[0]).evaluated == []
    (evaluated,) = run_job(session, quick_job, days[1]).evaluated
    assert evaluated["run_date"] == days[0]
    assert {row["metric"] for row in evaluated["metrics"]} >= {"auc", "log_loss"}


def test_rerun_claims_the_next_generation_and_replaces_the_slice(session, one, done):
    day = date(2013, 7, 1)
    first = run_job(session, one, day)
    before = slice_of(session, day)
    again = run_job(session, one, day, rerun=True)
    assert (again.status, open_run(session, one, day).generation) == ("done", 2)
    assert again.run_id != first.run_id
    after = slice_of(session, day)
    assert {row["run_id"] for row in after} == {again.run_id}
    assert [row["generation"] for row in after] == [2] * len(before)
    same = {"run_id": "", "generation": 0}
    assert [row | same for row in after] == [row | same for row in before]
    assert run_job(session, one, day).status == "already_done"


@pytest.mark.long
def test_another_definition_supersedes_the_run(session, one, done):
    day, other = date(2013, 7, 2), with_history_days(one, 170)
    first = run_job(session, one, day)
    second = run_job(session, other, day)
    assert (second.status, open_run(session, other, day).generation) == ("done", 2)
    assert run_ids(session, day) == {second.run_id} != {first.run_id}
    before = slice_of(session, day)
    for superseded in (
        lambda: run_job(session, one, day),
        lambda: run_phase(session, one, day, "load"),
    ):
        with pytest.raises(RequestError, match=f"superseded by {second.run_id} - add --rerun") as caught:
            superseded()
        assert caught.value.exit_code == 2
    assert slice_of(session, day) == before
    third = run_job(session, one, day, rerun=True)
    assert run_ids(session, day) == {third.run_id}


@pytest.mark.long
def test_each_version_of_predictions_has_its_table(session, one, done):
    day = date(2013, 7, 3)
    version = one.spec.predictions.model_copy(update={"version": 2})
    spec = one.spec.model_copy(update={"predictions": version})
    newer = type(one)(one.name, one.folder, spec, one.variants)
    assert run_job(session, newer, day).tables["predictions"].endswith("flight_delay__predictions_v2")
    assert slice_of(session, day) == []
    assert reader(session)("SELECT COUNT(*) AS n FROM ml.flight_delay__predictions_v2") == [{"n": ROWS}]


@pytest.mark.long
def test_two_processes_at_once_publish_one_set(fresh_session, connect, one):
    sessions = [fresh_session, connect(fresh_session.target)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda opened: run_job(opened, one, DAY), sessions)
    assert first.run_id == second.run_id
    assert first.models == second.models
    rows = slice_of(fresh_session, DAY)
    assert len(rows) == ROWS
    assert len({(row["variant"], row["flight"], row["origin"]) for row in rows}) == ROWS
    assert len(reader(fresh_session)("SELECT * FROM ledger.champions_v1")) == 1
    assert len(reader(fresh_session)("SELECT * FROM ledger.models_v1")) == 1
