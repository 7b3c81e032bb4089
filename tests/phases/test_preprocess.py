from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from pipeline.errors import CheckError, RequestError, quoted
from pipeline.operate.sources import load_sources
from pipeline.phases import preprocess
from pipeline.phases.preprocess import preprocess_run
from pipeline.runs.job_statements import examples_columns
from pipeline.runs.opening import open_run
from tests.support.integration_fixtures import read_source, reader

DAY = date(2013, 7, 5)


@pytest.fixture(scope="module")
def run(session, job):
    return open_run(session, job, DAY)


@pytest.fixture(scope="module")
def examples(run):
    return preprocess_run(run)


def rows_of(session, table, columns="*", where="TRUE"):
    return reader(session)(
        f"SELECT {columns} FROM `{table}` WHERE {where} ORDER BY flight_date, carrier, flight, origin"
    )


def test_the_table_has_features_label_and_purpose_of_each_row(session, job, examples):
    found = [field.name for field in session.warehouse._client.get_table(str(examples.table)).schema]
    assert found == [*examples_columns(session, job).names, "_trains", "_scores", "_shard"]
    assert set(job.spec.prediction_key) <= set(found)
    assert {"label", "example_as_of"} <= set(found)


def test_rows_train_with_a_known_label_and_score_on_the_run_date(session, job, run, examples):
    counts = examples.counts
    assert (counts.row_count, counts.scoring_rows) == (35 * 16, 16)
    outcomes = session.target.table("flight_outcomes")
    known = reader(session)(
        f"SELECT COUNT(*) AS n FROM `{outcomes}` WHERE known_at <= TIMESTAMP '{run.as_of.isoformat()}'"
    )
    assert counts.training_rows == known[0]["n"] < 34 * 16
    rows = rows_of(session, examples.table)
    assert all((row["flight_date"] == DAY) == row["_scores"] for row in rows)
    assert all(row["_trains"] == (row["flight_date"] < DAY and row["label"] is not None) for row in rows)
    assert all(row["example_as_of"] == job.as_of(row["flight_date"]) for row in rows)


def test_no_row_trains_on_a_label_that_lands_after_midnight(session, run, examples, fixtures_folder):
    yesterday = DAY - timedelta(days=1)
    arrivals = read_source(fixtures_folder, "flight_outcomes").filter(pl.col("flight_date") == str(yesterday))
    moments = [datetime.fromisoformat(text) for text in arrivals["known_at"]]
    later = {
        key
        for key, moment in zip(arrivals.select("flight", "origin").rows(), moments, strict=True)
        if moment > run.as_of
    }
    assert later, "the tiny data set must hold flights that land after midnight"
    rows = rows_of(session, examples.table, where=f"flight_date = DATE '{yesterday}'")
    unlabelled = {(row["flight"], row["origin"]) for row in rows if row["label"] is None}
    assert later <= unlabelled
    assert not any(row["_trains"] for row in rows if (row["flight"], row["origin"]) in later)


def test_past_rows_equal_the_rows_scored_on_their_day(session, job, examples):
    columns = ", ".join(name for name in examples_columns(session, job).names if name != "label")
    before = preprocess_run(open_run(session, job, DAY - timedelta(days=1)))
    where = f"flight_date = DATE '{DAY - timedelta(days=1)}'"
    scored = rows_of(session, before.table, columns, f"_scores AND {where}")
    assert scored == rows_of(session, examples.table, columns, where)
    assert len(scored) == 16


def test_rows_to_score_have_the_shard_of_their_entity(session, job, examples):
    entity, shards = ", ".join(job.spec.entity), job.spec.predictions.shards
    expected = f"ABS(MOD(FARM_FINGERPRINT(TO_JSON_STRING(STRUCT({entity}))), {shards})) AS expected"
    rows = rows_of(session, examples.table, f"_scores, _shard, {expected}")
    scored = [row for row in rows if row["_scores"]]
    assert [row["_shard"] for row in scored] == [row["expected"] for row in scored]
    assert {row["_shard"] for row in scored} == {0, 1}
    assert {row["_shard"] for row in rows if not row["_scores"]} == {None}


def test_examples_are_made_once(session, job, run, examples, requests_sent):
    again = preprocess_run(open_run(session, job, DAY))
    assert again == examples
    assert requests_sent.work == []


def test_the_run_table_has_labels(session, run, examples):
    table = session.warehouse._client.get_table(str(examples.table))
    assert table.dataset_id == session.target.runs_dataset
    assert (table.labels["run_id"], table.labels["phase"]) == (run.run_id, "preprocess")
    assert len(table.labels["sql_digest"]) == 16


def test_a_lost_table_is_made_again(session, job):
    run = open_run(session, job, date(2013, 6, 20))
    first = preprocess_run(run)
    session.warehouse._client.delete_table(str(first.table))
    assert preprocess_run(run) == first
    assert session.warehouse.tables.row_count(first.table) == first.counts.row_count


def test_a_date_outside_the_data_names_the_range_of_dates(make_empty_session, job, fixtures_folder, tmp_path):
    day, session = date(2013, 7, 10), make_empty_session()
    folder = shutil.copytree(fixtures_folder, tmp_path / "sources")
    schedule = read_source(folder, "flights_schedule")
    schedule.filter(pl.col("flight_date") < str(day)).write_ndjson(folder / "flights_schedule.jsonl")
    load_sources(session, job, folder)
    message = "2013-07-10: nothing to score; flights_schedule was known from 2013-06-01 to 2013-07-09; .* - load the"
    with pytest.raises(RequestError, match=message):
        preprocess_run(open_run(session, job, day))
    assert [row["event"] for row in reader(session)("SELECT * FROM ledger.events_v1")] == ["checked"]

    load_sources(session, job, fixtures_folder)
    run = open_run(session, job, day)
    assert (run.generation, preprocess_run(run).counts.scoring_rows) == (2, 16)


def test_wrong_moment_is_shown_in_both_zones_with_the_nearest_one(session, job):
    late = replace(job, spec=job.spec.model_copy(update={"as_of_offset_minutes": 90}))
    with pytest.raises(RequestError) as caught:
        preprocess_run(open_run(session, late, DAY))
    assert (
        "no example has the moment of the run, 2013-07-05 01:30:00 America/New_York (2013-07-05 05:30:00 UTC), "
        "the nearest example_as_of is 2013-07-05 00:00:00 America/New_York (2013-07-05 04:00:00 UTC)"
        " - make example_as_of in flight_delay/preprocess/examples_v1 that moment, or fix time_zone"
    ) in str(caught.value)


def test_the_first_day_of_the_data_has_nothing_to_train_on(session, job):
    with pytest.raises(RequestError, match=r"2013-06-01: nothing to train on; .* - choose a later date"):
        preprocess_run(open_run(session, job, date(2013, 6, 1)))


def test_an_empty_source_is_named(make_empty_session, job, fixtures_folder, tmp_path):
    session, folder = make_empty_session(), shutil.copytree(fixtures_folder, tmp_path / "sources")
    (folder / "flights_schedule.jsonl").write_text("")
    load_sources(session, job, folder)
    with pytest.raises(RequestError, match="nothing to score; flights_schedule is empty; flight_outcomes was known"):
        preprocess_run(open_run(session, job, DAY))


def test_two_examples_of_one_key_stop_the_run(make_empty_session, job, fixtures_folder, tmp_path):
    session, folder = make_empty_session(), shutil.copytree(fixtures_folder, tmp_path / "sources")
    schedule = read_source(folder, "flights_schedule")
    twice = schedule.filter(pl.col("flight_date") == str(DAY)).head(1)
    pl.concat([schedule, twice]).write_ndjson(folder / "flights_schedule.jsonl")
    load_sources(session, job, folder)
    with pytest.raises(CheckError, match=r"1 examples share a key, e\.g\. flight_date, carrier") as caught:
        preprocess_run(open_run(session, job, DAY))
    assert caught.value.exit_code == 3
    load_sources(session, job, fixtures_folder)
    assert preprocess_run(open_run(session, job, DAY)).counts.scoring_rows == 16


def test_two_labels_of_one_key_are_called_labels(make_empty_session, job, fixtures_folder, tmp_path):
    session, folder = make_empty_session(), shutil.copytree(fixtures_folder, tmp_path / "sources")
    outcomes = read_source(folder, "flight_outcomes")
    pl.concat([outcomes, outcomes]).write_ndjson(folder / "flight_outcomes.jsonl")
    load_sources(session, job, folder)
    said = r"labels share a key, e\.g\. flight_date, carrier, flight, origin = 2013-.*; 2013-.* - fix flight_delay/eval"
    with pytest.raises(CheckError, match=said):
        preprocess_run(open_run(session, job, DAY))


def test_missing_source_table_is_named(make_empty_session, job):
    with pytest.raises(RequestError, match=r"flights_schedule"):
        preprocess_run(open_run(make_empty_session(), job, DAY))


def test_the_reason_of_a_void_run_holds_no_row_values(monkeypatch):
    """An account that reads claims may not be allowed to read rows: docs/security.md."""

    def fail(_):
        raise CheckError(f"2 rows share a key, e.g. user = {quoted('Ann; Bob')}", hint="fix the SQL")

    monkeypatch.setattr(preprocess, "_make", fail)
    monkeypatch.setattr(preprocess, "committed_manifests", lambda _: [])
    reasons = []
    with pytest.raises(CheckError, match="Ann; Bob"):
        preprocess._make_or_void(SimpleNamespace(void=reasons.append))
    assert reasons == ["2 rows share a key, e.g. user = [values are not logged] - fix the SQL"]
