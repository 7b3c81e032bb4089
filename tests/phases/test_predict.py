from __future__ import annotations

import json
from datetime import date

import pytest

from pipeline.cloud.storage.objects import Content
from pipeline.errors import CheckError, RequestError
from pipeline.models.fetch import fetch_bundle
from pipeline.phases import predict as predict_phase
from pipeline.phases.predict import predict_from_data, predict_run
from pipeline.phases.preprocess import preprocess_run
from pipeline.phases.run import run_phase
from pipeline.runs.artefacts.examples import training_rows
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.layout import Folder
from pipeline.runs.opening import open_run
from tests.support.integration_fixtures import quick, reader

TRAINED_ON, DAY = date(2013, 7, 4), date(2013, 7, 5)


@pytest.fixture(scope="module")
def model_uri(session, quick_job):
    """A model of the day before."""
    return run_phase(session, quick_job, TRAINED_ON, "train").models[0]["uri"]


@pytest.fixture(scope="module")
def run(session, quick_job):
    run_phase(session, quick_job, DAY, "preprocess")
    return open_run(session, quick_job, DAY)


@pytest.fixture(scope="module")
def predicted(session, quick_job, run, model_uri):
    """Predict alone, with a model of another run."""
    return run_phase(session, quick_job, DAY, "predict", model=model_uri)


def lines_of(session, manifest):
    return [json.loads(line) for uri in manifest.uris for line in session.store.read_bytes(uri).splitlines()]


def examples_statements(requests_sent, run):
    return [sent for sent in requests_sent.jobs if run.table("examples").name in sent.statement]


@pytest.mark.parametrize("place", ["uri", "folder"])
def test_predict_needs_no_training_and_uses_the_cached_examples(
    session, quick_job, model_uri, place, tmp_path, requests_sent
):
    day = {"uri": date(2013, 7, 8), "folder": date(2013, 7, 9)}[place]
    run_phase(session, quick_job, day, "preprocess")
    run = open_run(session, quick_job, day)
    assert len(examples_statements(requests_sent, run)) == 1
    requests_sent.clear()
    model = model_uri if place == "uri" else str(fetch_bundle(model_uri, session.store, tmp_path))
    done = run_phase(session, quick_job, day, "predict", model=model)
    assert (done.status, done.rows["predict"]) == ("done", 16)
    assert [described["variant"] for described in done.models] == [quick_job.variants[0].id]
    assert examples_statements(requests_sent, run) == []
    assert len(requests_sent.uploads) > 0
    assert session.store.list(run.layout.run_folder(Folder.MODELS)) == []


def test_files_hold_the_columns_of_the_prediction_schema(session, run, predicted):
    (manifest,) = committed_manifests(run)
    rows = lines_of(session, manifest)
    assert predicted.uris["predictions"] == manifest.uris
    assert len(rows) == manifest.rows == 16
    assert all(list(row) == ["flight_date", "carrier", "flight", "origin", "score"] for row in rows)
    assert {row["flight_date"] for row in rows} == {str(DAY)}
    assert all(0 < row["score"] < 1 for row in rows)
    scored = reader(session)(f"SELECT flight, origin FROM `{run.table('examples')}` WHERE _scores")
    assert {(row["flight"], row["origin"]) for row in rows} == {tuple(row.values()) for row in scored}


def test_the_manifest_describes_the_objects_of_the_bucket(session, run, predicted, tmp_path):
    (manifest,) = committed_manifests(run)
    stored = {item.uri: item for item in session.store.list(run.layout.run_folder(Folder.PREDICTIONS))}
    assert [file.shard for file in manifest.shards] == [0, 1]
    for file in manifest.shards:
        path = session.store.download(file.uri, tmp_path / "shard")
        assert (file.size, file.crc32c) == Content.of_file(path)
        assert (file.size, file.crc32c) == (stored[file.uri].size, stored[file.uri].crc32c)
        assert file.rows == len(path.read_bytes().splitlines()) > 0


def test_predicting_again_sends_nothing(session, quick_job, model_uri, predicted, requests_sent):
    again = run_phase(session, quick_job, DAY, "predict", model=model_uri)
    assert (again.status, again.uris, again.rows) == ("already_done", predicted.uris, predicted.rows)
    assert requests_sent.work == []


def test_each_file_holds_the_rows_of_its_shard(session, run, predicted):
    (manifest,) = committed_manifests(run)
    shards = reader(session)(f"SELECT _shard, COUNT(*) AS n FROM `{run.table('examples')}` WHERE _scores GROUP BY 1")
    assert {row["_shard"]: row["n"] for row in shards} == {file.shard: file.rows for file in manifest.shards}


def test_shards_without_rows_are_committed_and_hold_nothing(session, job, model_uri):
    many = quick(job, shards=17)
    day = date(2013, 7, 6)
    done = run_phase(session, many, day, "predict", model=model_uri)
    (manifest,) = committed_manifests(open_run(session, many, day))
    empty = [file for file in manifest.shards if not file.rows]
    assert (len(manifest.shards), manifest.rows) == (17, 16)
    assert len(empty) >= 1
    assert all(file.size == 0 for file in empty)
    assert len(done.uris["predictions"]) == 17 - len(empty)
    assert run_phase(session, many, day, "load").rows["load"] == 16


def test_predict_without_any_model_says_what_to_do(session, quick_job):
    day = date(2013, 7, 2)
    with pytest.raises(RequestError, match=f"{day}: nothing was done with this SQL.* - run train first"):
        run_phase(session, quick_job, day, "predict")
    run_phase(session, quick_job, day, "preprocess")
    with pytest.raises(RequestError, match="no model yet - run train first, or pass --model"):
        run_phase(session, quick_job, day, "predict")


@pytest.mark.parametrize("place", ["gs://pipeline-tests/nowhere", "/nowhere"])
def test_a_missing_model_is_named(session, quick_job, place):
    with pytest.raises(RequestError, match=f"{place}.*(no such object|no model bundle here)"):
        run_phase(session, quick_job, DAY, "predict", model=place)


def test_predictions_that_break_the_contract_stop_the_run(session, quick_job, model_uri, monkeypatch):
    def with_an_impossible_key(model, df):
        frame = predict_from_data(model, df)
        return frame.assign(flight=frame["flight"].astype(object).where(frame.index != frame.index[0], "one"))

    run = open_run(session, quick_job, date(2013, 7, 3))
    examples = preprocess_run(run)
    monkeypatch.setattr("pipeline.phases.predict.predict_from_data", with_an_impossible_key)
    with pytest.raises(CheckError, match=r"of 6 keys \(.*\) 1 have no prediction \(.*/.*\), 1 were not asked for"):
        predict_run(run, examples, {model_uri: ""})
    assert committed_manifests(run) == []


def test_rows_that_no_shard_has_stop_the_run(session, quick_job, model_uri, monkeypatch):
    """Whatever the cause: here a read that lacks a row."""
    run = open_run(session, quick_job, date(2013, 7, 2))
    examples = preprocess_run(run)
    read = predict_phase.shard_rows
    monkeypatch.setattr(predict_phase, "shard_rows", lambda *where: read(*where).iloc[1:])
    rows, shards = examples.counts.scoring_rows, quick_job.spec.predictions.shards
    said = (
        rf"predict read {rows - shards} of {rows} rows that preprocess counted in .*__examples - nothing was published"
    )
    with pytest.raises(CheckError, match=said):
        predict_run(run, examples, {model_uri: ""})
    assert committed_manifests(run) == []


def test_training_on_fewer_rows_than_were_counted_stops_the_run(session, quick_job):
    run = open_run(session, quick_job, date(2013, 7, 2))
    examples = preprocess_run(run)
    rows = examples.counts.training_rows
    assert len(training_rows(run, examples.table, counted=rows)) == rows
    with pytest.raises(CheckError, match=rf"train read {rows} of {rows + 1:,} rows that preprocess counted in"):
        training_rows(run, examples.table, counted=rows + 1)
