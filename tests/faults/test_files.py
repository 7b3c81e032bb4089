"""Files and tables that differ from the committed ones are not loaded, unpickled or published."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import joblib
import pytest

from pipeline.base.digests import full_digest_json
from pipeline.errors import CheckError, RequestError
from pipeline.models.bundle import sealed
from pipeline.phases.evaluate import evaluate_job
from pipeline.phases.load import load_from_uris, load_run
from pipeline.phases.predict import predict_from_data
from pipeline.phases.run import run_job, run_phase
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.opening import join_run, open_run
from pipeline.runs.publications import published_slices
from pipeline.sql.checks import Check
from tests.faults.outcomes import of_files, published, put, recorded
from tests.support.changed_variants import (
    FIRST,
    LAST,
    MIDDLE,
    ROWS,
    decisions,
    job_of,
    job_with_prior,
    maturing,
    rate,
    verdicts,
)
from tests.support.integration_fixtures import edited, reader


@dataclass
class Trap:
    """An object that makes a file when it is unpickled."""

    path: Path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def trained(session, own):
    """Return the address of a trained model, and its job."""
    return run_phase(session, own, FIRST, "train").models[0]["uri"], own


@pytest.fixture
def predicted(session, own):
    """Return a run with predictions that are not loaded."""
    run_phase(session, own, FIRST, "train")
    run_phase(session, own, FIRST, "predict")
    return join_run(session, own, FIRST)


@pytest.fixture(scope="module")
def one_predicted(session, job):
    """Return such a run for tests that do not change it."""
    own = job_with_prior(replace(job, name="damaged"), 20.0)
    run_phase(session, own, FIRST, "train")
    run_phase(session, own, FIRST, "predict")
    return join_run(session, own, FIRST)


@pytest.fixture
def done(session, own):
    """Return a published run."""
    run_job(session, own, FIRST)
    return join_run(session, own, FIRST)


def bits_flipped(content):
    return bytes([content[0] ^ 1]) + content[1:]


@pytest.mark.matrix(1)
@pytest.mark.parametrize(
    "damaged", [lambda content: content[:-1], bits_flipped, lambda _: b""], ids=["truncated", "flipped", "empty"]
)
def test_damaged_model_file_is_refused_before_unpickling(session, trained, monkeypatch, damaged):
    job, file = trained[1], f"{trained[0]}/model.joblib"
    put(session, file, damaged(session.store.read_bytes(file)))
    monkeypatch.setattr(joblib, "load", lambda _: pytest.fail("unpickled"))
    with pytest.raises(CheckError, match=r"model.joblib: missing or not the file that bundle.json lists") as refused:
        run_phase(session, job, FIRST, "predict")
    assert refused.value.exit_code == 3
    assert committed_manifests(join_run(session, job, FIRST)) == []


def test_swapped_model_file_is_refused_and_never_runs(session, trained, tmp_path):
    uri, job = trained
    put(session, f"{uri}/model.joblib", pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(CheckError, match=r"model.joblib: missing or not the file that bundle.json lists"):
        run_phase(session, job, FIRST, "predict")
    assert not (tmp_path / "sprung").exists()


def test_a_bundle_that_was_swapped_as_a_whole_is_refused(session, trained):
    (uri, job), other = trained, run_phase(session, trained[1], MIDDLE, "train").models[0]["uri"]
    for name in ("bundle.json", *json.loads(session.store.read_bytes(f"{other}/bundle.json"))["files"]):
        put(session, f"{uri}/{name}", session.store.read_bytes(f"{other}/{name}"))
    with pytest.raises(CheckError, match="not the bundle that was committed - train again"):
        run_phase(session, job, FIRST, "predict")


def test_bundle_swapped_with_its_marker_is_refused_by_the_ledger(session, trained):
    """An account that may write models may also write their markers, but not the ledger."""
    uri, job = trained
    (model,) = [model for model in committed_models(join_run(session, job, FIRST)) if model.uri == uri]
    forged = sealed(session.store.read_json(f"{uri}/bundle.json") | {"commit": "forged"})
    put(session, f"{uri}/bundle.json", json.dumps(forged))
    marker = f"{uri.rpartition('/')[0]}.json"
    put(session, marker, json.dumps(asdict(model) | {"bundle_digest": full_digest_json(forged)}))
    with pytest.raises(CheckError, match=r"not the bundle that was committed here: .*models_v1 has another digest"):
        run_phase(session, job, FIRST, "predict")


def test_predictions_that_lack_a_column_publish_nothing(session, own, monkeypatch):
    monkeypatch.setattr(
        "pipeline.phases.predict.predict_from_data", lambda m, df: predict_from_data(m, df).drop(columns="score")
    )
    with pytest.raises(CheckError, match="predictions lack score - fix the model's predict"):
        run_job(session, own, FIRST)
    assert published_slices(join_run(session, own, FIRST)) == {}


def test_predictions_of_another_type_publish_nothing(session, own, monkeypatch):
    monkeypatch.setattr(
        "pipeline.phases.predict.predict_from_data", lambda m, df: predict_from_data(m, df).assign(score="high")
    )
    with pytest.raises(CheckError, match=rf"{ROWS} of {ROWS} predictions do not fit.*column score: not a number"):
        run_job(session, own, FIRST)
    run = join_run(session, own, FIRST)
    assert (committed_manifests(run), published_slices(run)) == ([], {})


def test_changed_prediction_schema_publishes_nothing(session, done, own, monkeypatch):
    before = published(session, own)
    columns = {"score": "FLOAT64 NOT NULL", "rank": "INT64"}
    wider = edited(own, predictions=own.spec.predictions.model_copy(update={"columns": columns}))
    monkeypatch.setattr(
        "pipeline.phases.predict.predict_from_data", lambda m, df: predict_from_data(m, df).assign(rank=1)
    )
    with pytest.raises(RequestError) as refused:
        run_job(session, wider, FIRST)
    assert refused.value.exit_code == 2
    assert published(session, own) == before == of_files(session, done)


OBJECTS = {
    "claim": "/generations/",
    "marker of examples": "/examples.json",
    "marker of a model": "/models/",
    "marker of a shard": "-of-00001.json",
    "manifest": "/manifest.json",
}


@pytest.mark.matrix(4)
@pytest.mark.parametrize("damaged", [b"", b"null", b'{"schema_version": 2}'])
@pytest.mark.parametrize("name", OBJECTS)
def test_damaged_committed_object_exits_with_code_3(session, one_predicted, name, damaged):
    run, job = one_predicted, one_predicted.job
    uris = [item.uri for item in session.store.list(session.store.uri(job.name, ""))]
    (uri,) = [uri for uri in uris if OBJECTS[name] in uri and "/bundle-" not in uri and uri.endswith(".json")]
    whole = session.store.read_bytes(uri)
    manifest = f"{committed_manifests(run)[0].uris[0].rpartition('/')[0]}/manifest.json"
    listed = session.store.read_bytes(manifest)
    if name == "marker of a shard":
        session.store._blob(manifest).delete()  # markers are not read if the manifest lists all shards
    put(session, uri, damaged)
    try:
        with pytest.raises(CheckError, match=f"{uri}: .* - restore it, or remove it and run the same command again"):
            run_job(session, job, FIRST)
        assert published(session, job) == []
    finally:
        put(session, uri, whole)
        put(session, manifest, listed)


def test_other_objects_in_the_folder_of_claims_are_ignored(session, own):
    run = open_run(session, own, FIRST)
    folder = session.store.uri(own.name, "attempts", str(FIRST), "generations")
    (claim,) = session.store.list(f"{folder}/")
    for name in ("README.txt", "copies/000001.json", "x.json"):
        put(session, f"{folder}/{name}", session.store.read_bytes(claim.uri))
    assert open_run(session, own, FIRST).run_id == run.run_id
    newer = open_run(session, own, FIRST, rerun=True)
    assert (newer.generation, open_run(session, own, FIRST).run_id) == (2, newer.run_id)


def test_missing_shard_stops_the_load_before_its_job(session, predicted, own, requests_sent):
    (uri,) = committed_manifests(predicted)[0].uris
    session.store._blob(uri).delete()
    requests_sent.clear()
    with pytest.raises(CheckError, match="missing since it was committed - nothing was published"):
        run_phase(session, own, FIRST, "load")
    assert requests_sent.jobs == []
    assert published_slices(predicted) == {}


@pytest.mark.matrix(1)
@pytest.mark.parametrize("change", [bits_flipped, lambda content: content], ids=["other content", "same content"])
def test_replaced_shard_stops_the_load_before_its_job(session, predicted, own, requests_sent, change):
    (uri,) = committed_manifests(predicted)[0].uris
    put(session, uri, change(session.store.read_bytes(uri)))
    requests_sent.clear()
    with pytest.raises(CheckError, match="another object is in its place since it was committed"):
        run_phase(session, own, FIRST, "load")
    assert requests_sent.jobs == []
    assert published_slices(predicted) == {}


def test_shard_replaced_during_the_load_is_not_published(session, predicted, own, monkeypatch):
    (uri,) = committed_manifests(predicted)[0].uris

    def replaced_meanwhile(*args, **options):
        profile = load_from_uris(*args, **options)
        put(session, uri, session.store.read_bytes(uri))
        return profile

    monkeypatch.setattr("pipeline.phases.load.load_from_uris", replaced_meanwhile)
    with pytest.raises(CheckError, match="another object is in its place since it was committed"):
        run_phase(session, own, FIRST, "load")
    assert published_slices(predicted) == {}


def test_an_extra_object_under_the_prefix_is_never_loaded(session, predicted, own, requests_sent):
    (manifest,), (uri,) = committed_manifests(predicted), committed_manifests(predicted)[0].uris
    row = json.loads(session.store.read_bytes(uri).splitlines()[0])
    put(session, uri.replace(".jsonl", "-extra.jsonl"), json.dumps(row | {"flight": 99999}) + "\n")
    requests_sent.clear()
    run_phase(session, own, FIRST, "load")
    (load,) = [sent.body["configuration"]["load"] for sent in requests_sent.jobs if sent.loads]
    assert load["sourceUris"] == manifest.uris
    assert published(session, own) == of_files(session, predicted)
    assert len(of_files(session, predicted)) == ROWS


def test_manifest_with_another_row_count_publishes_nothing(session, predicted):
    (manifest,) = committed_manifests(predicted)
    more = replace(manifest, shards=(replace(manifest.shards[0], rows=ROWS + 1),))
    with pytest.raises(CheckError, match=rf"{ROWS} rows instead of {ROWS + 1}"):
        load_run(predicted, [more])
    assert published_slices(predicted) == {}


def test_manifest_of_another_schema_sends_no_job(session, predicted, requests_sent):
    (manifest,) = committed_manifests(predicted)
    other = replace(manifest, shards=(replace(manifest.shards[0], schema_digest="0" * 16),))
    requests_sent.clear()
    with pytest.raises(
        CheckError, match=f"with another prediction schema than that of {predicted.run_id} - nothing was"
    ):
        load_run(predicted, [other])
    assert requests_sent.jobs == []
    assert published_slices(predicted) == {}


def test_two_rows_of_one_key_stop_the_load(session, own):
    uri, table = session.store.uri(f"{own.name}.jsonl"), session.target.run_table(own.name)
    put(session, uri, '{"a": 1, "b": 1}\n{"a": 1, "b": 2}\n')
    schema = Schema.parse({"a": "INT64 NOT NULL", "b": "INT64"})
    with pytest.raises(CheckError, match="2 rows with 1 duplicate keys, "):
        load_from_uris(session, [uri], table, schema, ["a"], step=own.name, rows=2)


def test_failed_data_check_stops_the_load_and_names_the_row(session, own):
    uri, table = session.store.uri(f"{own.name}.jsonl"), session.target.run_table(own.name)
    put(session, uri, '{"a": 1, "b": 1}\n{"a": 2, "b": 9}\n')
    schema, checks = Schema.parse({"a": "INT64 NOT NULL", "b": "INT64"}), [Check(range={"column": "b", "max": 5})]
    with pytest.raises(CheckError, match=r"check range b.* failed: 1 row, e.g. a = 2"):
        load_from_uris(session, [uri], table, schema, ["a"], step=own.name, rows=2, checks=checks)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("flight", [lambda df: -df.flight, lambda df: df.flight.where(df.index > 0, 7)])
def test_a_model_that_answers_for_others_publishes_nothing(session, own, monkeypatch, flight):
    monkeypatch.setattr(
        "pipeline.phases.predict.predict_from_data", lambda m, df: predict_from_data(m, df).assign(flight=flight)
    )
    with pytest.raises(CheckError, match=r"of 16 keys \(.*\) \d+ have no prediction \(.*\), \d+ were not asked for"):
        run_job(session, own, FIRST)
    assert published_slices(join_run(session, own, FIRST)) == {}


def test_expired_examples_are_made_again_on_resume(session, own, requests_sent):
    run_phase(session, own, FIRST, "train")
    run = join_run(session, own, FIRST)
    session.warehouse._client.delete_table(str(run.table("examples")))
    requests_sent.clear()
    assert run_job(session, own, FIRST).run_id == run.run_id
    ids = [sent.body["jobReference"]["jobId"] for sent in requests_sent.jobs]
    attempts = [job_id.rpartition("-")[2] for job_id in ids if f"{run.run_id}-examples" in job_id]
    assert attempts == ["a1", "a2"]  # the first gets 409, and its effect is gone
    assert published(session, own) == of_files(session, run)
    assert len(committed_models(run)) == 1


def test_expired_run_table_is_loaded_again_on_resume(session, predicted, own, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.phases.load.refuse_superseded", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_phase(session, own, FIRST, "load")
    (table,) = [n for n in session.warehouse.tables.labels_in(session.target.runs_dataset) if loaded(predicted, n)]
    session.warehouse._client.delete_table(str(session.target.run_table(table)))
    assert run_phase(session, own, FIRST, "load").rows["load"] == ROWS
    assert published(session, own) == of_files(session, predicted)


def test_examples_with_lost_rows_are_made_again(session, own):
    run_phase(session, own, FIRST, "train")
    run = join_run(session, own, FIRST)
    (key,) = reader(session)(f"SELECT MIN(flight) AS flight FROM runs.{run.table('examples').name} WHERE _scores")
    table = run.table("examples").name
    lost = f"_scores AND flight <> {key['flight']}"
    reader(session)(f"CREATE OR REPLACE TABLE runs.{table} AS SELECT * FROM runs.{table} WHERE NOT ({lost})")
    assert run_job(session, own, FIRST).run_id == run.run_id
    assert len(published(session, own)) == ROWS


@pytest.mark.long
def test_run_table_with_lost_rows_is_loaded_again(session, predicted, own, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.phases.load.refuse_superseded", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_phase(session, own, FIRST, "load")
    (table,) = [n for n in session.warehouse.tables.labels_in(session.target.runs_dataset) if loaded(predicted, n)]
    reader(session)(f"CREATE OR REPLACE TABLE runs.{table} AS SELECT * FROM runs.{table} WHERE origin <> 'JFK'")
    assert run_phase(session, own, FIRST, "load").rows["load"] == ROWS
    assert published(session, own) == of_files(session, predicted)


LEDGER = ("ledger.events_v1", "ledger.models_v1", "ml.verdicts_v1")


def test_missing_ledger_rows_are_appended_again(session, own):
    run_job(session, own, FIRST)
    for _ in range(2):  # the second time, the jobs of the second attempt exist, too
        for table in LEDGER:
            reader(session)(f"DELETE FROM {table} WHERE job = '{own.name}'")
        run_job(session, own, FIRST)
        events = [("load", "published"), ("predict", "done"), ("preprocess", "done"), ("train", "done")]
        assert [row[:2] for row in recorded(session, own)] == events
        assert len(reader(session)(f"SELECT 1 FROM ledger.models_v1 WHERE job = '{own.name}'")) == 1
        assert verdicts(session, own) == [(FIRST, own.variants[0].id, "first")]


def test_missing_metrics_are_appended_again(session, own):
    mature = maturing(own)
    run_job(session, mature, LAST)
    (first,) = evaluate_job(session, mature, date(2013, 7, 7))
    for table in ("ml.metrics_v1", "ledger.events_v1"):
        extra = " AND event = 'evaluated'" if table.startswith("ledger") else ""
        reader(session)(f"DELETE FROM {table} WHERE job = '{own.name}'{extra}")
    (again,) = evaluate_job(session, mature, date(2013, 7, 7))
    assert len(again.metrics) == len(first.metrics) > 0


def loaded(run, name):
    return f"{run.run_id.rsplit('-', 1)[-1]}__predictions" in name


def test_overwritten_slice_is_published_again(session, done, own):
    before = published(session, own)
    reader(session)(f"UPDATE ml.{own.predictions_table} SET run_id = 'other', score = 0.5 WHERE run_date = '{FIRST}'")
    assert published(session, own) != before
    again = run_job(session, own, FIRST)
    assert (again.status, again.run_id) == ("done", done.run_id)
    assert published(session, own) == before == of_files(session, done)
    assert run_job(session, own, FIRST).status == "already_done"


def test_overwritten_slice_is_not_evaluated(session, own):
    mature = maturing(own)
    run_job(session, mature, LAST)
    reader(session)(f"UPDATE ml.{own.predictions_table} SET run_id = 'other' WHERE run_date = '{LAST}'")
    assert evaluate_job(session, mature, date(2013, 7, 7)) == []
    assert reader(session)(f"SELECT * FROM ml.metrics_v1 WHERE job = '{own.name}'") == []


@pytest.mark.long
def test_champion_stays_when_another_variant_is_published(session, own):
    first, second = rate(own, 20.0, "a"), rate(own, 5.0, "b")
    run_job(session, job_of(own, first), FIRST)
    run_job(session, job_of(own, second, first), MIDDLE)
    assert decisions(session, own) == [(FIRST, first.id, "first")]


@pytest.mark.long
def test_older_generation_replaces_no_newer_publication(session, predicted, own):
    late = open_run(session, own, FIRST)
    newer = run_job(session, own, FIRST, rerun=True)
    with pytest.raises(RequestError, match=f"{late.run_id} is superseded by {newer.run_id} - nothing was published"):
        load_run(late, committed_manifests(late))
    assert {row[4] for row in published(session, own)} == {newer.run_id}
