from __future__ import annotations

import io
import json
from datetime import date

import joblib
import numpy as np
import pandas as pd
import pytest

from pipeline.base.digests import full_digest_json
from pipeline.models.bundle import SCORES, TrainingData, write_bundle
from pipeline.models.fetch import fetch_bundle
from pipeline.phases.predict_files import predict_from_path
from pipeline.phases.preprocess import preprocess_run
from pipeline.phases.run import run_phase
from pipeline.phases.train import _origin, train_from_data, train_from_path, train_run
from pipeline.runs.artefacts.models import commit_model, committed_models
from pipeline.runs.job_statements import examples_columns
from pipeline.runs.layout import Folder
from pipeline.runs.opening import open_run
from tests.support.bundles import read_bundle
from tests.support.integration_fixtures import ROOT, reader

DAY = date(2013, 7, 5)
VARIANT = ROOT / "jobs" / "flight_delay" / "logistic_regression.yaml"


@pytest.fixture(scope="module")
def trained(session, quick_job):
    """Train alone, which carries out preprocess."""
    return run_phase(session, quick_job, DAY, "train")


@pytest.fixture(scope="module")
def run(session, quick_job, trained):
    return open_run(session, quick_job, DAY)


@pytest.fixture(scope="module")
def frame(session, run):
    table, columns = preprocess_run(run).table, examples_columns(session, run.job)
    order = run.job.spec.prediction_key
    return session.warehouse.read_frame(table, columns, where="_trains", order_by=order)


def test_train_alone_fits_every_variant_and_publishes_nothing(session, quick_job, trained, run):
    assert [model["variant"] for model in trained.models] == [variant.id for variant in quick_job.variants]
    assert trained.status == "done"
    assert trained.rows["train"] == preprocess_run(run).counts.training_rows
    assert session.store.list(run.layout.run_folder(Folder.PREDICTIONS)) == []
    assert reader(session)(f"SELECT * FROM ml.{quick_job.predictions_table}") == []


def test_the_bundle_holds_everything_to_reproduce_the_model(session, quick_job, trained, run):
    uri = trained.models[0]["uri"]
    assert uri.startswith(f"gs://pipeline-tests/{session.target.prefix}/flight_delay/models/{DAY}/{run.run_id}/")
    names = {item.uri.removeprefix(f"{uri}/") for item in session.store.list(f"{uri}/")}
    sql = {f"sql/{name}.sql" for name in (quick_job.spec.examples.sql, quick_job.spec.labels.sql, "phases/examples_v1")}
    own = {
        f"jobs/{quick_job.name}/{path.name}" for path in quick_job.folder.iterdir() if path.suffix in (".py", ".yaml")
    }
    top = {"bundle.json", "model.joblib", "variant.yaml", "job.yaml", "training.parquet", SCORES}
    assert names == top | sql | own
    content = session.store.read_json(f"{uri}/bundle.json")
    assert content["complete"] is True
    assert content["run"]["run_id"] == run.run_id
    assert content["run"]["as_of"] == "2013-07-05T00:00:00-04:00"
    assert session.store.read_bytes(f"{uri}/job.yaml") == (quick_job.folder / "job.yaml").read_bytes()
    examples_sql = (ROOT / "sql" / f"{quick_job.spec.examples.sql}.sql").read_bytes()
    assert session.store.read_bytes(f"{uri}/sql/{quick_job.spec.examples.sql}.sql") == examples_sql
    training = pd.read_parquet(io.BytesIO(session.store.read_bytes(f"{uri}/training.parquet")))
    assert len(training) == trained.rows["train"] == content["training_data"]["rows"]


def test_models_v1_has_a_row_for_each_model(session, trained, run):
    rows = reader(session)(f"SELECT * FROM ledger.models_v1 WHERE run_id = '{run.run_id}' ORDER BY variant")
    columns = [
        *("model_id", "job", "run_date", "run_id", "variant", "uri", "bundle_digest", "training_rows"),
        *("data_checksum", "code_digest", "recorded_at"),
    ]
    assert list(rows[0]) == columns
    assert [(row["variant"], row["model_id"], row["uri"]) for row in rows] == sorted(
        (model["variant"], model["model_id"], model["uri"]) for model in trained.models
    )
    for row in rows:
        assert (row["job"], row["run_date"], row["run_id"]) == ("flight_delay", DAY, run.run_id)
        assert row["bundle_digest"] == full_digest_json(session.store.read_json(f"{row['uri']}/bundle.json"))


def test_training_again_uses_what_is_committed(session, quick_job, trained, run, requests_sent):
    again = run_phase(session, quick_job, DAY, "train")
    assert (again.status, again.models) == ("already_done", trained.models)
    assert requests_sent.work == []
    assert len(reader(session)(f"SELECT * FROM ledger.models_v1 WHERE run_id = '{run.run_id}'")) == len(trained.models)


def test_training_reads_the_table_of_preprocess(session, quick_job, requests_sent):
    day = date(2013, 7, 3)
    assert run_phase(session, quick_job, day, "preprocess").status == "done"
    table = open_run(session, quick_job, day).table("examples").name
    assert len([sent for sent in requests_sent.jobs if table in sent.statement]) == 1
    requests_sent.clear()
    assert run_phase(session, quick_job, day, "train").status == "done"
    assert [sent for sent in requests_sent.jobs if table in sent.statement] == []
    assert requests_sent.uploads != []


def test_the_same_data_and_configuration_give_the_same_model(session, quick_job, trained):
    again = run_phase(session, quick_job, DAY, "train", rerun=True)
    assert again.run_id != trained.run_id
    known = {model["variant"]: model["model_id"] for model in trained.models}
    assert {model["variant"]: model["model_id"] for model in again.models} == known
    assert {model["uri"] for model in again.models}.isdisjoint(model["uri"] for model in trained.models)


def test_an_interrupted_training_continues(session, quick_job, monkeypatch):
    run = open_run(session, quick_job, date(2013, 6, 25))
    examples, fit = preprocess_run(run), train_from_data

    def stop_at_the_second(config, frame):
        if "ConstantRate" in config.model:
            raise RuntimeError("killed")
        return fit(config, frame)

    monkeypatch.setattr("pipeline.phases.train.train_from_data", stop_at_the_second)
    with pytest.raises(RuntimeError, match="killed"):
        train_run(run, examples)
    first = committed_models(run)
    assert [model.variant.split("@")[0] for model in first] == ["logistic_regression"]
    monkeypatch.undo()
    models = train_run(run, examples)
    assert [model.variant.split("@")[0] for model in models] == ["logistic_regression", "constant_rate"]
    assert models[0] == first[0]
    recorded = reader(session)(f"SELECT variant FROM ledger.models_v1 WHERE run_id = '{run.run_id}'")
    assert len(recorded) == 2


def test_the_callers_frame_stays_as_it_is(quick_job, frame):
    before = frame.copy(deep=True)
    for variant in quick_job.variants:
        train_from_data(variant.config, frame)
    pd.testing.assert_frame_equal(frame, before)


def test_the_committed_model_predicts_as_one_fitted_by_hand(session, quick_job, trained, frame, tmp_path):
    config = quick_job.variants[0].config
    by_hand = train_from_data(config, frame).predict(frame)
    committed = read_bundle(fetch_bundle(trained.models[0]["uri"], session.store, tmp_path))
    np.testing.assert_allclose(committed.predict(frame)["score"], by_hand["score"], rtol=0, atol=1e-12)
    assert by_hand["score"].nunique() > 10


@pytest.mark.parametrize("kind", ["file", "object", "table"])
def test_train_and_predict_take_files_objects_and_tables(session, run, trained, frame, kind, tmp_path):
    rows = session.store.read_bytes(f"{trained.models[0]['uri']}/training.parquet")
    (tmp_path / "training.parquet").write_bytes(rows)
    table = preprocess_run(run).table
    reader(session)(f"CREATE OR REPLACE TABLE runs.training AS SELECT * FROM `{table}` WHERE _trains")
    places = {
        "file": str(tmp_path / "training.parquet"),
        "object": f"{trained.models[0]['uri']}/training.parquet",
        "table": f"bq://{session.target.run_table('training')}",
    }
    connections = {"store": session.store, "warehouse": session.warehouse}
    info = train_from_path(VARIANT, places[kind], tmp_path / "bundle", **connections)
    assert (info.content["complete"], info.content["training_data"]["rows"]) == (False, len(frame))
    assert predict_from_path(tmp_path / "bundle", places[kind], tmp_path / "out.jsonl", **connections) == len(frame)
    scores = pd.read_json(tmp_path / "out.jsonl", lines=True)
    expected = joblib.load(tmp_path / "bundle" / "model.joblib").predict(frame)
    merged = scores.merge(
        expected.assign(flight_date=expected["flight_date"].astype(str)),
        on=["flight_date", "carrier", "flight", "origin"],
    )
    assert len(merged) == len(frame)
    np.testing.assert_allclose(merged["score_x"], merged["score_y"], rtol=0, atol=1e-9)


def test_the_loser_of_a_race_uses_the_winners_model(quick_job, trained, run, frame):
    variant, data = quick_job.variants[0], TrainingData.of(frame.head(50))
    origin = _origin(run, variant)
    model = train_from_data(variant.config, data.frame)
    late = commit_model(run, variant, lambda folder: write_bundle(folder, model, variant, data, origin))
    assert (late.model_id, late.uri) == (trained.models[0]["model_id"], trained.models[0]["uri"])
    assert committed_models(run)[0] == late


def test_events_name_the_model_and_its_address(session, trained, run):
    rows = reader(session)(
        f"SELECT variant, model_id, uri, row_count, details FROM ledger.events WHERE run_id = '{run.run_id}'"
        " AND phase = 'train' ORDER BY variant"
    )
    expected = sorted((model["variant"], model["model_id"], model["uri"]) for model in trained.models)
    assert [(row["variant"], row["model_id"], row["uri"]) for row in rows] == expected
    assert {row["row_count"] for row in rows} == {trained.rows["train"]}
    details = [json.loads(row["details"]) for row in rows]
    assert {frozenset(each) for each in details} == {frozenset({"bytes", "slot_ms", "cost", "jobs", "statements"})}
