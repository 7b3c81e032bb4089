from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date

import pandas as pd
import pytest

from pipeline.base.stored_json import record_of
from pipeline.errors import CheckError
from pipeline.rows.rejects import split_frame
from pipeline.runs.artefacts.predictions import (
    Manifest,
    ShardFile,
    commit_manifest,
    commit_shard,
    committed_manifest,
    committed_manifests,
    committed_shards,
)
from pipeline.runs.layout import Folder
from pipeline.runs.opening import open_run
from pipeline.runs.tables import ensure_tables

SHARD = ShardFile(0, "gs://b/0.jsonl", 2, 40, "AAAAAA==", 1, "ff", "0123")
MANIFEST = Manifest("run", "model", "mean@1", (SHARD, replace(SHARD, shard=1, uri="gs://b/1.jsonl", rows=0)))
KEY = {"flight_date": date(2013, 7, 5), "carrier": "AA", "origin": "JFK"}


@pytest.fixture(scope="module")
def run(make_empty_session, job):
    session = make_empty_session()
    ensure_tables(session, job)
    return open_run(session, job, date(2013, 7, 5))


@pytest.fixture
def folder(run, request):
    return run.layout.predictions(f"{request.node.name}@1234", "model1")


def predictions(run, *scores):
    rows = [{**KEY, "flight": number, "score": score} for number, score in enumerate(scores)]
    frame = pd.DataFrame(rows, columns=run.job.prediction_schema.names)
    return split_frame(frame, run.job.prediction_schema, origin="test")


def test_the_folder_holds_variant_and_model_below_the_run(run):
    assert run.layout.predictions("trees@12ab", "m1") == f"{run.layout.run_folder(Folder.PREDICTIONS)}trees-12ab/m1"


def test_a_shard_is_a_file_and_a_marker(run, folder):
    store = run.session.store
    file = commit_shard(run, folder, 0, predictions(run, 0.25, 1e-17))
    assert (file.shard, file.rows, file.schema_digest) == (0, 2, run.job.prediction_schema.digest)
    assert store.read_bytes(file.uri).decode() == (
        '{"flight_date":"2013-07-05","carrier":"AA","flight":0,"origin":"JFK","score":0.25}\n'
        '{"flight_date":"2013-07-05","carrier":"AA","flight":1,"origin":"JFK","score":1e-17}\n'
    )
    names = [item.uri.removeprefix(f"{folder}/") for item in store.list(f"{folder}/")]
    assert names == [file.uri.removeprefix(f"{folder}/"), "shard-00000-of-00002.json"]
    assert store.read_json(f"{folder}/shard-00000-of-00002.json")["sha256"] == file.sha256


def test_the_loser_of_a_race_uses_the_winners_file(run, folder):
    first = commit_shard(run, folder, 0, predictions(run, 0.25))
    second = commit_shard(run, folder, 0, predictions(run, 0.75, 0.5))
    assert second == first
    assert b"0.25" in run.session.store.read_bytes(second.uri)


def test_an_empty_shard_has_a_marker_too(run, folder):
    file = commit_shard(run, folder, 1, predictions(run))
    assert (file.rows, file.size) == (0, 0)
    assert run.session.store.read_json(f"{folder}/shard-00001-of-00002.json")["rows"] == 0


def test_rejects_have_the_name_of_the_shards_file(run, folder):
    store = run.session.store
    file = commit_shard(run, folder, 0, predictions(run, 0.25, None, 0.75, float("inf")))
    assert (file.rows, file.rejected) == (2, 2)
    assert file.rejects == file.uri.replace("/predictions/", "/rejects/")
    lines = [json.loads(line) for line in store.read_bytes(file.rejects).splitlines()]
    key = {"flight_date": "2013-07-05", "carrier": "AA", "origin": "JFK"}
    at = {"file": file.uri.rsplit("/", 1)[-1], "column": "score"}
    assert lines == [
        {**at, "line": 2, "reason": "a missing value", "key": {**key, "flight": "1"}, "value": "nan"},
        {**at, "line": 4, "reason": "an infinite number", "key": {**key, "flight": "3"}, "value": "inf"},
    ]
    assert committed_shards(run, folder) == {0: file}


def test_without_rejects_no_object_is_written(run, folder):
    file = commit_shard(run, folder, 0, predictions(run, 0.25))
    assert (file.rejected, file.rejects) == (0, "")
    assert run.session.store.list(folder.replace("/predictions/", "/rejects/")) == []


def test_markers_of_another_shard_count_are_ignored(run, folder):
    run.session.store.put_json_once({}, f"{folder}/shard-00000-of-00003.json")
    assert committed_shards(run, folder) == {}


def test_a_manifest_is_created_once_and_read_back(run, folder):
    assert committed_manifest(run, folder) is None
    files = [commit_shard(run, folder, shard, predictions(run, 0.1 * shard)) for shard in (0, 1)]
    manifest = commit_manifest(run, folder, Manifest(run.run_id, "model1", "v@1", tuple(files)))
    assert manifest == Manifest(run.run_id, "model1", "v@1", tuple(files))
    assert (manifest.rows, manifest.uris) == (2, [file.uri for file in files])
    other = (replace(files[0], rows=9),)
    assert commit_manifest(run, folder, Manifest(run.run_id, "model1", "v@1", other)) == manifest
    assert committed_manifest(run, folder) == manifest


def test_only_complete_sets_are_found(run, job):
    day = open_run(run.session, job, date(2013, 7, 6))
    whole, half = (day.layout.predictions(f"{name}@1", "m") for name in ("whole", "half"))
    files = (commit_shard(day, whole, 0, predictions(day, 0.5)),)
    made = commit_manifest(day, whole, Manifest(day.run_id, "m", "whole@1", files))
    commit_shard(day, half, 0, predictions(day, 0.5))
    assert committed_manifests(day) == [made]


def test_manifest_survives_json():
    assert record_of(Manifest, json.loads(json.dumps(asdict(MANIFEST))), "gs://b/manifest.json") == MANIFEST


def test_rows_are_those_of_all_shards():
    assert replace(MANIFEST, shards=(SHARD, SHARD)).rows == 4


def test_only_files_with_rows_are_loaded():
    assert MANIFEST.uris == ["gs://b/0.jsonl"]


def test_rejected_rows_are_counted_and_their_files_named():
    rejecting = replace(SHARD, rejected=3, rejects="gs://b/rejects/0.jsonl")
    manifest = replace(MANIFEST, shards=(SHARD, rejecting))
    assert (manifest.rejected, manifest.rejects) == (3, ["gs://b/rejects/0.jsonl"])
    assert (MANIFEST.rejected, MANIFEST.rejects) == (0, [])


def test_manifest_without_a_field_is_refused():
    broken = asdict(MANIFEST)
    del broken["shards"][0]["sha256"]
    with pytest.raises(CheckError, match=r"gs://b/manifest.json: not what was committed there \(shards.0.sha256"):
        record_of(Manifest, broken, "gs://b/manifest.json")
