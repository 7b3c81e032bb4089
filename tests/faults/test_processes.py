"""Processes that are killed, overtaken or run twice: the same command again leaves one result."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pipeline.cloud.storage.store import Store
from pipeline.errors import RequestError
from pipeline.phases import load as load_phase
from pipeline.phases import predict as predict_phase
from pipeline.phases.load import load_run
from pipeline.phases.preprocess import preprocess_run
from pipeline.phases.run import run_job, run_phase
from pipeline.rows.rejects import split_frame
from pipeline.runs import opening
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.artefacts.predictions import commit_shard, committed_manifests, committed_shards
from pipeline.runs.claims import claims_of
from pipeline.runs.layout import Folder
from pipeline.runs.opening import join_run, open_run, refuse_superseded
from tests.faults import doomed
from tests.faults.outcomes import of_files, published, recorded
from tests.support.changed_variants import FIRST, ROWS, decisions, verdicts
from tests.support.integration_fixtures import edited, reader

WHOLE = [
    ("load", "published"),
    ("predict", "done"),
    ("preprocess", "checked"),
    ("preprocess", "done"),
    ("train", "done"),
]
"""Events of one run of one variant."""


@pytest.fixture
def predicted(session, own):
    """Return a run with predictions that are not loaded."""
    run_phase(session, own, FIRST, "train")
    run_phase(session, own, FIRST, "predict")
    return join_run(session, own, FIRST)


def two_shards(job):
    return edited(job, predictions=job.spec.predictions.model_copy(update={"shards": 2}))


def assert_one_result(session, job, run):
    """Assert that every result of a run date exists once, and that another command has nothing to do."""
    assert len(published(session, job)) == ROWS
    assert published(session, job) == of_files(session, run)
    assert recorded(session, job) == [(*event, run.run_id) for event in WHOLE]
    assert [claim.run_id for claim in claims_of(session, job, FIRST)] == [run.run_id]
    assert decisions(session, job) == [(FIRST, job.variants[0].id, "first")]
    assert verdicts(session, job) == [(FIRST, job.variants[0].id, "first")]
    assert run_job(session, job, FIRST).status == "already_done"


def test_loader_killed_after_submission_publishes_once(session, own, predicted, requests_sent):
    killed = doomed.start(session.target, own, FIRST, "load", doomed.once_the_load_is_accepted, signal.SIGKILL)
    assert doomed.end_of(killed) == -signal.SIGKILL
    assert published(session, own) == []
    requests_sent.clear()
    assert run_phase(session, own, FIRST, "load").rows["load"] == ROWS
    loads = [sent.body["jobReference"]["jobId"] for sent in requests_sent.jobs if sent.loads]
    assert [job_id.rpartition("-")[2] for job_id in loads] == ["a1"]  # it gets 409, and the command attaches to it
    assert sum("MERGE" in sent.statement for sent in requests_sent.jobs) == 1
    assert_one_result(session, own, predicted)


def test_loader_killed_after_publication_records_it_once(session, own, predicted, requests_sent):
    killed = doomed.start(session.target, own, FIRST, "load", doomed.once_it_is_published, signal.SIGKILL)
    assert doomed.end_of(killed) == -signal.SIGKILL
    before = published(session, own)
    assert before == of_files(session, predicted)
    assert ("load", "published", predicted.run_id) not in recorded(session, own)
    requests_sent.clear()
    run_phase(session, own, FIRST, "load")
    merges = [sent.body["jobReference"]["jobId"] for sent in requests_sent.jobs if "MERGE" in sent.statement]
    assert [job_id.rpartition("-")[2] for job_id in merges] == ["a1"]  # it gets 409, and its effect exists
    assert published(session, own) == before
    assert_one_result(session, own, predicted)


def test_sigterm_in_a_shard_leaves_no_part_and_is_resumed(session, own):
    job = two_shards(own)
    run_phase(session, job, FIRST, "train")
    ended = doomed.start(session.target, job, FIRST, "predict", doomed.in_the_second_shard, signal.SIGTERM)
    assert doomed.end_of(ended) == -signal.SIGTERM
    run = join_run(session, job, FIRST)
    (model,) = committed_models(run)
    folder = run.layout.predictions(model.variant, model.model_id)
    stays = committed_shards(run, folder)
    assert list(stays) == [0]
    assert [item.uri for item in session.store.list(f"{folder}/") if item.uri.endswith(".jsonl")] == [stays[0].uri]
    assert committed_manifests(run) == []
    run_job(session, job, FIRST)
    (manifest,) = committed_manifests(run)
    assert manifest.shards[0] == stays[0]
    assert_one_result(session, job, run)


def test_two_schedulers_at_once_leave_one_result(session, own):
    both = [doomed.start(session.target, own, FIRST, "run") for _ in range(2)]
    assert [doomed.end_of(process) for process in both] == [0, 0]
    assert_one_result(session, own, join_run(session, own, FIRST))


def test_of_two_claims_one_wins_and_both_read_it(session, connect, own, monkeypatch):
    at_once = threading.Barrier(2)

    def seen_together(*args):
        claims = claims_of(*args)
        at_once.wait(20)  # neither has claimed yet
        return claims

    open_run(session, own, FIRST.replace(day=1))  # makes the tables
    monkeypatch.setattr(opening, "claims_of", seen_together)
    with ThreadPoolExecutor(2) as threads:
        sessions = (session, connect(session.target))
        first, second = threads.map(lambda opened: open_run(opened, own, FIRST), sessions)
    assert (first.run_id, first.snapshot_at, first.champion) == (second.run_id, second.snapshot_at, second.champion)
    (claim,) = claims_of(session, own, FIRST)
    assert claim.snapshot_at == first.snapshot_at.isoformat()


def test_two_trainers_of_one_model_commit_one_and_both_use_it(session, connect, own, monkeypatch):
    uploaded, put = threading.Barrier(2), Store.put_json_once
    run_phase(session, own, FIRST, "preprocess")

    def both_have_uploaded(self, content, uri):
        if "/models/" in uri:
            uploaded.wait(20)  # neither has its marker yet
        return put(self, content, uri)

    monkeypatch.setattr(Store, "put_json_once", both_have_uploaded)
    with ThreadPoolExecutor(2) as threads:
        sessions = (session, connect(session.target))
        first, second = threads.map(lambda opened: run_phase(opened, own, FIRST, "train").models, sessions)
    run = join_run(session, own, FIRST)
    (model,) = committed_models(run)
    assert first == second == [{"variant": model.variant, "model_id": model.model_id, "uri": model.uri}]
    files = [item.uri for item in session.store.list(run.layout.run_folder(Folder.MODELS))]
    assert sum(uri.endswith("/bundle.json") for uri in files) == 2
    rows = reader(session)(f"SELECT model_id, uri FROM ledger.models_v1 WHERE job = '{own.name}'")
    assert rows == [{"model_id": model.model_id, "uri": model.uri}]
    run_job(session, own, FIRST)
    assert_one_result(session, own, run)


def overtaken(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, meanwhile: Callable[[], object]) -> None:
    """Call `meanwhile` once, just after a function has returned."""
    original, happened = getattr(module, name), []

    def call(*args: Any) -> Any:
        result = original(*args)
        if not happened:
            happened.append(name)
            meanwhile()
        return result

    monkeypatch.setattr(module, name, call)


@pytest.mark.long
def test_zombie_attempt_that_writes_files_changes_nothing(session, connect, own, monkeypatch):
    job = two_shards(own)
    run_phase(session, job, FIRST, "train")
    other, seen = connect(session.target), {}

    def all_is_done_by_another():
        run_job(other, job, FIRST)
        seen["published"] = published(session, job)

    # This attempt reads its shard before the other one starts, and writes its files after the other one has ended.
    overtaken(monkeypatch, predict_phase, "shard_rows", all_is_done_by_another)
    run_phase(session, job, FIRST, "predict")
    run = join_run(session, job, FIRST)
    (manifest,) = committed_manifests(run)
    objects = session.store.list(run.layout.run_folder(Folder.PREDICTIONS))
    files = [item.uri for item in objects if item.uri.endswith(".jsonl")]
    assert len(files) == 4
    assert len(manifest.uris) == 2
    assert run_phase(session, job, FIRST, "load").status == "already_done"
    assert published(session, job) == seen["published"]
    assert_one_result(session, job, run)


def test_zombie_of_a_shard_gets_the_committed_file(session, own, predicted):
    (manifest,) = committed_manifests(predicted)
    folder = predicted.layout.predictions(manifest.variant, manifest.model_id)
    frame = predict_phase.shard_rows(predicted, preprocess_run(predicted).table, 0)
    scored = frame[own.spec.prediction_key].assign(score=0.123)
    split = split_frame(scored, own.prediction_schema, origin="zombie")
    assert commit_shard(predicted, folder, 0, split) == manifest.shards[0]


def test_zombie_of_an_older_generation_publishes_nothing(session, connect, own, predicted, monkeypatch):
    late, seen = open_run(session, own, FIRST), {}

    def newer_is_published():
        seen["run_id"] = run_job(connect(session.target), own, FIRST, rerun=True).run_id

    overtaken(monkeypatch, load_phase, "refuse_superseded", newer_is_published)
    with pytest.raises(RequestError, match=f"{late.run_id}: a newer generation of .* is published - nothing was"):
        load_run(late, committed_manifests(late))
    newer = join_run(session, own, FIRST)
    assert newer.run_id == seen["run_id"]
    assert published(session, own) == of_files(session, newer)
    assert ("load", "published", late.run_id) not in recorded(session, own)


def test_older_generation_is_refused_after_an_empty_newer_one(session, own, predicted, monkeypatch):
    late, predict = open_run(session, own, FIRST), predict_phase.predict_from_data
    with monkeypatch.context() as patch:
        patch.setattr(predict_phase, "predict_from_data", lambda *args: predict(*args).assign(score=None))
        newer = run_job(session, own, FIRST, rerun=True, max_reject_rate=1.0)
    assert newer.rows["load"] == 0
    with pytest.raises(RequestError, match=f"{late.run_id} is superseded by {newer.run_id} - nothing was published"):
        load_run(late, committed_manifests(late))
    assert published(session, own) == []


def test_older_generation_sends_no_statement(session, own, predicted, requests_sent):
    late, newer = open_run(session, own, FIRST), run_job(session, own, FIRST, rerun=True)
    requests_sent.clear()
    with pytest.raises(RequestError, match=f"{late.run_id} is superseded by {newer.run_id} - nothing was published"):
        load_run(late, committed_manifests(late))
    assert not any("MERGE" in sent.statement for sent in requests_sent.jobs)
    assert {row[4] for row in published(session, own)} == {newer.run_id}
    with pytest.raises(RequestError, match="superseded"):
        refuse_superseded(late)
