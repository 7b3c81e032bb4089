from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from time import monotonic, sleep
from uuid import uuid4

import pytest

from pipeline.cloud.bigquery.tables import Tables, TableUse
from pipeline.errors import CheckError
from pipeline.explain.status.status import status_of
from pipeline.operate import garbage
from pipeline.operate.garbage import as_lines, collect_garbage
from pipeline.phases import predict
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.phases.run import run_job, run_phase
from pipeline.runs.artefacts.predictions import commit_shard, committed_manifests, shard_counts
from pipeline.runs.layout import Folder
from pipeline.runs.opening import open_run
from tests.support.changed_variants import ROWS, job_with_prior
from tests.support.integration_fixtures import reader

NOW, DAY = timedelta(0), timedelta(days=1)
DAYS = [date(2013, 7, day) for day in range(1, 9)]
UNIQUE = "-0123456789ab"


def names(removed, kind):
    return {item.name for item in removed if item.kind == kind}


def uris(session, job):
    return {item.uri for item in session.store.list(session.store.uri(job.name, ""))}


def plant(session, uri, text="left behind"):
    session.store.put_json_once(text, uri)
    return uri


@pytest.fixture(scope="module")
def done(session, quick_job):
    """A finished run whose folders hold the leftovers of other attempts."""
    run_job(session, quick_job, DAYS[0])
    return open_run(session, quick_job, DAYS[0])


def leftovers(session, run):
    """Plant the uploads of attempts that lost a race or were killed, and return their addresses."""
    (manifest, _) = committed_manifests(run)
    shards = manifest.shards[0].uri.rpartition("/")[0]
    models = run.layout.model(manifest.variant).removesuffix(".json")
    staged = session.store.uri(run.job.name, "attempts", "staged")
    return {
        plant(session, f"{shards}/shard-00000-of-00002{UNIQUE}.jsonl"),
        plant(session, f"{models}/bundle{UNIQUE}/bundle.json"),
        plant(session, f"{models}/bundle{UNIQUE}/sql/a_v1.sql"),
        plant(session, f"{staged}/flight_delay-staged-x{UNIQUE}.jsonl"),
    }


@pytest.mark.cloud
def test_only_unreferenced_uploads_are_removed(session, quick_job, done):
    kept = uris(session, quick_job)
    orphans = leftovers(session, done)
    would = collect_garbage(session, quick_job, NOW, dry_run=True)
    assert names(would, "object") == orphans
    assert uris(session, quick_job) == kept | orphans
    assert collect_garbage(session, quick_job, NOW) == would
    assert uris(session, quick_job) == kept
    assert collect_garbage(session, quick_job, NOW) == []


@pytest.mark.cloud
def test_objects_with_other_names_stay(session, quick_job, done):
    folder = session.store.uri(quick_job.name)
    strangers = {
        plant(session, f"{folder}/models/notes.txt"),
        plant(session, f"{folder}/models/2013-07-01/bundle{UNIQUE}/x"),
        plant(session, f"{folder}/predictions/2013-07-01/shard-00000-of-00001{UNIQUE}.jsonl"),
        plant(session, f"{folder}/rejects/2013-07-01/r/rows{UNIQUE}.jsonl"),
        plant(session, f"{folder}/attempts/2013-07-01/r/void.json"),
        plant(session, f"{folder}/sources/items/0123.jsonl"),
    }
    collect_garbage(session, quick_job, NOW)
    assert strangers <= uris(session, quick_job)


def test_a_prefix_may_look_like_an_upload(make_target, connect, quick_job):
    target = make_target()
    session = connect(target.model_copy(update={"prefix": f"{target.prefix}/a/b/c/bundle{UNIQUE}"}))
    session.warehouse.tables.create_datasets()
    run = open_run(session, quick_job, DAYS[0])
    marker = plant(session, f"{run.layout.run_folder(Folder.MODELS)}v-1.json", {"uri": "gs://nowhere"})
    orphan = plant(session, f"{run.layout.run_folder(Folder.MODELS)}v-1/bundle{UNIQUE}/bundle.json")
    assert names(collect_garbage(session, quick_job, NOW), "object") == {orphan}
    assert marker in uris(session, quick_job)


@pytest.mark.cloud
def test_nothing_younger_than_the_limit_is_removed(session, quick_job, done):
    orphans = leftovers(session, done)
    assert collect_garbage(session, quick_job, DAY) == []
    assert orphans <= uris(session, quick_job)
    assert names(collect_garbage(session, quick_job, NOW), "object") == orphans


def test_a_bundle_is_as_old_as_its_newest_file(session, quick_job, done, monkeypatch):
    collect_garbage(session, quick_job, NOW)  # nothing else is old
    folder = f"{done.layout.run_folder(Folder.MODELS)}v-0/bundle{UNIQUE}"
    first = plant(session, f"{folder}/model.joblib")
    sleep(1.5)
    second = plant(session, f"{folder}/bundle.json")
    ages = {item.uri: item.created for item in session.store.list(folder)}
    clock = garbage.read_clock(session)
    monkeypatch.setattr(garbage, "read_clock", lambda _: clock)  # the time of the test itself does not count
    limit = clock.moment - ages[first] - timedelta(milliseconds=700)
    assert collect_garbage(session, quick_job, limit, dry_run=True) == []
    assert names(collect_garbage(session, quick_job, NOW), "object") == {first, second}


def test_a_shard_committed_after_the_listing_stays(session, quick_job, done, monkeypatch):
    """References are read after the listing, so they include a shard that is committed in between."""
    run = open_run(session, quick_job, DAYS[1])
    folder = f"{run.layout.run_folder(Folder.PREDICTIONS)}v-1/m"
    upload = plant(session, f"{folder}/shard-00000-of-00002{UNIQUE}.jsonl")
    read = garbage._references

    def committed_first(*arguments):
        plant(session, f"{folder}/shard-00000-of-00002.json", {"uri": upload})
        return read(*arguments)

    monkeypatch.setattr(garbage, "_references", committed_first)
    collect_garbage(session, quick_job, NOW)
    assert upload in uris(session, quick_job)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("damaged", ["null", "{}", "{oops"])
def test_nothing_is_removed_while_a_marker_is_damaged(session, quick_job, done, damaged):
    run = open_run(session, quick_job, DAYS[3])
    folder = f"{run.layout.run_folder(Folder.PREDICTIONS)}v-1/m"
    upload = plant(session, f"{folder}/shard-00000-of-00002{UNIQUE}.jsonl")
    marker = session.store._blob(f"{folder}/shard-00000-of-00002.json")
    marker.upload_from_string(damaged)
    with pytest.raises(CheckError, match=r"shard-00000-of-00002.json: .* - restore it, or remove it"):
        collect_garbage(session, quick_job, NOW)
    assert upload in uris(session, quick_job)
    marker.delete()
    assert upload in names(collect_garbage(session, quick_job, NOW), "object")


def test_objects_that_only_the_ledger_names_stay(session, quick_job, done):
    orphans = leftovers(session, done)
    bundle = next(uri for uri in orphans if uri.endswith("/bundle.json")).removesuffix("/bundle.json")
    reader(session)(
        "INSERT INTO ledger.events_v1 (event_id, job, run_date, run_id, phase, event, uri, recorded_at)"
        f" VALUES ('x', 'flight_delay', '2013-07-01', 'r', 'train', 'done', '{bundle}', CURRENT_TIMESTAMP())"
    )
    assert names(collect_garbage(session, quick_job, NOW), "object") == {u for u in orphans if bundle not in u}
    reader(session)("DELETE FROM ledger.events_v1 WHERE event_id = 'x'")
    assert len(collect_garbage(session, quick_job, NOW)) == 2


def test_removal_names_the_generation_that_was_listed(session, quick_job, done, requests_sent):
    leftovers(session, done)
    collect_garbage(session, quick_job, NOW)
    deletions = [sent for sent in requests_sent.sent if sent.method == "DELETE" and "/storage/" in sent.path]
    assert len(deletions) == 4
    assert all("ifGenerationMatch=" in sent.query for sent in deletions)


def test_two_collectors_count_each_object_once(session, connect, quick_job, done):
    orphans = leftovers(session, done)
    sessions = [session, connect(session.target)]
    with ThreadPoolExecutor(2) as pool:
        found = [item for part in pool.map(lambda one: collect_garbage(one, quick_job, NOW), sessions) for item in part]
    assert sorted(item.name for item in found if item.kind == "object") == sorted(orphans)


def test_run_tables_of_the_job_are_removed(session, quick_job, done):
    read, target = reader(session), session.target
    run_phase(session, quick_job, DAYS[2], "preprocess")
    read("CREATE OR REPLACE TABLE runs.flight_delay__20130703__0123456789__killed AS SELECT 1 AS a")
    for name, labels in (("other__20130703__x", {"job": "other"}), ("flight_delay__20130703__y", {"job": "other"})):
        read(f"CREATE OR REPLACE TABLE runs.{name} AS SELECT 1 AS a")
        session.warehouse.tables.set_labels(target.run_table(name), labels)
    read("CREATE OR REPLACE TABLE runs.flight_delay_notes AS SELECT 1 AS a")
    assert collect_garbage(session, quick_job, DAY) == []
    removed = names(collect_garbage(session, quick_job, NOW), "table")
    run = open_run(session, quick_job, DAYS[2])
    assert {str(run.table("examples")), str(target.run_table("flight_delay__20130703__0123456789__killed"))} <= removed
    left = session.warehouse.tables.labels_in(target.runs_dataset)
    assert {"other__20130703__x", "flight_delay__20130703__y", "flight_delay_notes"} == set(left)


def test_a_run_table_is_as_old_as_its_last_change(session, quick_job, done, monkeypatch):
    table, just_now = done.table("reloaded"), garbage.read_clock(session).moment + DAY
    reader(session)(f"CREATE TABLE runs.{table.name} AS SELECT 1 AS a")
    with monkeypatch.context() as patch:  # the emulator does not say when a table was last changed
        patch.setattr(Tables, "look_at", lambda *_: TableUse(just_now, 0))
        assert names(collect_garbage(session, quick_job, NOW, dry_run=True), "table") == set()
    assert str(table) in names(collect_garbage(session, quick_job, NOW, dry_run=True), "table")
    session.warehouse.tables.delete(table)


@pytest.mark.cloud
@pytest.mark.matrix(1)
@pytest.mark.parametrize("killed_in", ["train._training_data", "predict.commit_manifest", "load.name_champion"])
def test_an_unfinished_run_resumes_without_its_tables(session, job, killed_in, monkeypatch):
    one = job_with_prior(replace(job, name=f"j{uuid4().hex[:8]}"), 20.0)
    with monkeypatch.context() as patch:
        patch.setattr(f"pipeline.phases.{killed_in}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_job(session, one, DAYS[3])
    assert names(collect_garbage(session, one, NOW), "table")
    done = run_job(session, one, DAYS[3])
    assert (done.status, done.rows["load"]) == ("done", ROWS)
    collect_garbage(session, one, NOW)
    assert run_job(session, one, DAYS[3]).status == "already_done"
    assert status_of(session, one, DAYS[3]).next == "nothing: all done"


def test_staged_files_and_tables_are_removed(session, quick_job, done, fixtures_folder, tmp_path):
    key = '"flight_date": "2013-07-01", "carrier": "AA", "flight": 1, "origin": "JFK"'
    (tmp_path / "scores.jsonl").write_text(f'{{{key}, "score": 0.5}}\n')
    (tmp_path / "labels.jsonl").write_text(f'{{{key}, "label": 1}}\n')
    places = (str(tmp_path / name) for name in ("scores.jsonl", "labels.jsonl"))
    assert evaluate_from_path(session, quick_job, *places, name="theirs")
    removed = collect_garbage(session, quick_job, NOW)
    assert len([name for name in names(removed, "object") if "/attempts/staged/" in name]) == 2
    assert len([name for name in names(removed, "table") if "staged_theirs" in name]) == 2
    (tmp_path / "scores.jsonl").write_text(f'{{{key}, "score": 1.5}}\n')
    with pytest.raises(CheckError, match="check range score"):
        evaluate_from_path(session, quick_job, *(str(tmp_path / "scores.jsonl"),) * 2, name="refused")
    (table,) = (
        item
        for item in session.warehouse.tables.listed(session.target.runs_dataset)
        if "staged_refused" in item.name.name
    )
    assert table.labels["job"] == quick_job.name
    assert len([name for name in names(collect_garbage(session, quick_job, NOW), "table") if "refused" in name]) == 1


@pytest.mark.long
def test_shards_committed_during_collection_keep_their_files(session, quick_job, done, connect):
    """The limit is longer than the time from an upload to its marker, like the day of the command line."""
    limit, stop, seen = timedelta(seconds=6), threading.Event(), []
    run_phase(session, quick_job, DAYS[4], "train")
    other = connect(session.target)
    run = open_run(other, quick_job, DAYS[4])
    frame = predict._predictions(run, *shard_of(run))
    folders = [f"{run.layout.run_folder(Folder.PREDICTIONS)}v-{number}/m" for number in range(2)]
    orphans = {plant(session, f"{folders[0]}/shard-00000-of-00002-{number:012x}.jsonl") for number in range(5)}

    def commit():
        number = 0
        while not stop.is_set():
            for folder in folders:
                commit_shard(run, f"{folder}{number}", 0, frame)
            number += 1

    with ThreadPoolExecutor(1) as pool:
        done_committing = pool.submit(commit)
        started = monotonic()
        while monotonic() - started < 60 and not orphans <= {item.name for item in seen}:
            seen += collect_garbage(session, quick_job, limit)
        stop.set()
        done_committing.result(timeout=30)
    assert orphans <= {item.name for item in seen}
    committed = shard_counts(run)
    assert len(committed) > 10
    stored = uris(session, quick_job)
    markers = [uri for uri in stored if uri.endswith("/shard-00000-of-00002.json") and run.run_id in uri]
    assert len(markers) == sum(committed.values())
    assert {session.store.read_json(uri)["uri"] for uri in markers} <= stored


def shard_of(run):
    from pipeline.models.fetch import load_model
    from pipeline.phases.preprocess import preprocess_run
    from pipeline.runs.artefacts.examples import shard_rows
    from pipeline.runs.artefacts.models import committed_models

    model = load_model(committed_models(run)[0].uri, run.session.store)
    return model, shard_rows(run, preprocess_run(run).table, 0)


def test_removed_objects_are_counted():
    removed = [
        garbage.Removed("table", "p.d.t", 1000),
        garbage.Removed("object", "gs://b/a", 5),
        garbage.Removed("object", "gs://b/c", 7),
    ]
    assert list(as_lines("a", removed, dry_run=False)) == ["a: removed 1 table (1,000 bytes) and 2 objects (12 bytes)"]
    assert list(as_lines("a", removed[:1], dry_run=True)) == [
        "table p.d.t (1,000 bytes)",
        "a: would remove 1 table (1,000 bytes) and 0 objects (0 bytes)",
    ]
