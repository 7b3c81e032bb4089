from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.phases.load import load_from_uris, load_run
from pipeline.phases.run import run_phase
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.opening import open_run
from pipeline.runs.publications import published_slices
from tests.support.changed_variants import ROWS, job_with_prior
from tests.support.integration_fixtures import Requests, reader

DAY = date(2013, 7, 5)
SLICE = ["run_date", "run_id", "model_id", "variant"]


def prepare(session, job, day, model=None):
    """All phases before the load."""
    if model is None:
        run_phase(session, job, day, "train")
    run_phase(session, job, day, "predict", model=model)
    return open_run(session, job, day)


@pytest.fixture(scope="module")
def run(session, quick_job):
    return prepare(session, quick_job, DAY)


@pytest.fixture(scope="module")
def load_requests():
    """The requests of the load of `loaded`."""
    return Requests()


@pytest.fixture(scope="module")
def loaded(session, quick_job, run, load_requests):
    with pytest.MonkeyPatch.context() as patch:
        sent = Requests.recorded(patch)
        summary = run_phase(session, quick_job, DAY, "load")
    load_requests.sent += sent.sent
    return summary


def published_rows(session, job, day, columns="*"):
    return reader(session)(
        f"SELECT {columns} FROM ml.{job.predictions_table} WHERE run_date = '{day}' ORDER BY variant, flight, origin"
    )


def test_the_predictions_table_has_the_columns_of_the_contract(session, loaded):
    table = session.warehouse._client.get_table(str(session.target.table("flight_delay__predictions_v1")))
    assert loaded.tables["predictions"] == str(session.target.table("flight_delay__predictions_v1"))
    names = [field.name for field in table.schema]
    assert names == [*SLICE, "generation", "flight_date", "carrier", "flight", "origin", "score"]
    assert {field.mode for field in table.schema} == {"REQUIRED"}
    assert table.time_partitioning.field == "run_date"


def test_published_rows_are_those_of_the_files(session, quick_job, run, loaded):
    rows = published_rows(session, quick_job, DAY)
    assert loaded.rows["load"] == len(rows) == 32
    for manifest in committed_manifests(run):
        of_files = "".join(session.store.read_bytes(uri).decode() for uri in manifest.uris)
        of_variant = [row for row in rows if row["variant"] == manifest.variant]
        assert len(of_variant) == 16
        assert {(row["run_id"], row["model_id"]) for row in of_variant} == {(run.run_id, manifest.model_id)}
        assert all(f'"score":{row["score"]!r}' in of_files for row in of_variant)


def test_one_load_job_a_model_and_one_statement_that_publishes(session, loaded, load_requests):
    loads = [sent.body["configuration"]["load"] for sent in load_requests.jobs if sent.loads]
    assert [load["destinationTable"]["datasetId"] for load in loads] == [session.target.runs_dataset] * 2
    assert all(len(load["sourceUris"]) == 2 for load in loads)
    merges = [sent.statement for sent in load_requests.jobs if "MERGE" in sent.statement]
    assert len(merges) == 2


def test_loading_again_changes_nothing(session, quick_job, loaded, requests_sent):
    before = published_rows(session, quick_job, DAY)
    requests_sent.clear()
    again = run_phase(session, quick_job, DAY, "load")
    assert (again.status, again.rows) == ("already_done", loaded.rows)
    assert requests_sent.writes == []
    assert published_rows(session, quick_job, DAY) == before


def test_the_first_variant_becomes_champion(session, quick_job, loaded):
    champion = quick_job.variants[0].id
    assert champion.startswith("logistic_regression@")
    rows = reader(session)("SELECT job, variant, from_run_date, reason FROM ledger.champions_v1")
    assert rows == [{"job": "flight_delay", "variant": champion, "from_run_date": DAY, "reason": "first"}]
    verdicts = reader(session)("SELECT * FROM ml.verdicts_v1")
    columns = ["job", "run_date", "champion", "challenger", "verdict", "reason", "n", "needed_n"]
    assert list(verdicts[0]) == [*columns, "difference", "low", "high"]
    assert [(row["run_date"], row["champion"], row["verdict"]) for row in verdicts] == [(DAY, champion, "first")]


def test_consumers_read_exactly_the_champions_rows(session, quick_job, loaded):
    earlier = date(2013, 7, 1)
    prepare(session, quick_job, earlier)
    run_phase(session, quick_job, earlier, "load")
    for day in (DAY, earlier):
        seen = reader(session)(
            f"SELECT * FROM ml.flight_delay__predictions WHERE run_date = '{day}' ORDER BY flight, origin"
        )
        champion = quick_job.variants[0].id
        assert seen == [row for row in published_rows(session, quick_job, day) if row["variant"] == champion]
        assert len(seen) == 16
    assert len(reader(session)("SELECT * FROM ledger.champions_v1")) == 1


def test_a_publication_is_an_event_with_model_rows_and_checksum(session, run, loaded):
    rows = reader(session)(
        f"SELECT event, variant, model_id, row_count, uri, details FROM ledger.events WHERE run_id = '{run.run_id}'"
        " AND phase = 'load'"
    )
    found = {(row["event"], row["variant"], row["model_id"], row["row_count"]) for row in rows}
    expected = {("published", model.variant, model.model_id, 16) for model in committed_models(run)}
    assert found == expected
    assert all("checksum" in row["details"] for row in rows)


def test_another_number_of_rows_stops_the_load(session, quick_job):
    run = prepare(session, quick_job, date(2013, 7, 2))
    manifest = next(each for each in committed_manifests(run) if each.variant == run.leader)
    more = replace(manifest, shards=(replace(manifest.shards[0], rows=99), *manifest.shards[1:]))
    with pytest.raises(CheckError, match=rf"{run.leader}: 16 rows instead of 1\d\d - nothing of it was published"):
        load_run(run, [more])
    assert published_slices(run) == {}
    assert published_rows(session, quick_job, run.run_date) == []


def test_two_rows_of_one_key_stop_the_load(session, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": 1, "b": 1}\n{"a": 1, "b": 2}\n')
    uri = session.store.uri("twice.jsonl")
    session.store.put_file(tmp_path / "rows.jsonl", uri)
    schema, table = Schema.parse({"a": "INT64 NOT NULL", "b": "INT64"}), session.target.run_table("twice")
    with pytest.raises(CheckError, match="2 rows with 1 duplicate keys, "):
        load_from_uris(session, [uri], table, schema, ["a"], step="twice", rows=2)


def test_the_checksum_depends_on_values_not_on_their_order(session, tmp_path):
    schema = Schema.parse({"a": "INT64 NOT NULL", "b": "STRING"})
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": None}]

    def checksum(name, rows):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        uri, table = session.store.uri(f"{name}.jsonl"), session.target.run_table(name)
        session.store.put_file(tmp_path / name, uri)
        return load_from_uris(session, [uri], table, schema, ["a"], step=name, rows=len(rows))["checksum"]

    others = [[row | ({"b": "z"} if row is changed else {}) for row in rows] for changed in rows]
    fewer = [[row for row in rows if row is not left_out] for left_out in rows]
    found = {checksum(f"other_{number}", each) for number, each in enumerate([*others, *fewer])}
    assert len(found) == len(rows) * 2
    same = [checksum(f"same_{number}", each) for number, each in enumerate([rows, rows[::-1]])]
    assert same[0] == same[1]
    assert same[0] not in found


def test_no_files_make_an_empty_table(session):
    schema, table = Schema.parse({"a": "INT64 NOT NULL"}), session.target.run_table("none")
    profile = load_from_uris(session, [], table, schema, ["a"], step="none", rows=0)
    assert (profile["row_count"], profile["checksum"]) == (0, 0)
    assert session.warehouse.tables.row_count(table) == 0


def test_load_without_predictions_says_what_to_do(session, quick_job):
    day = date(2013, 6, 28)
    with pytest.raises(RequestError, match=f"{day}: nothing was done with this SQL.* - run train first"):
        run_phase(session, quick_job, day, "load")
    run_phase(session, quick_job, day, "preprocess")
    with pytest.raises(RequestError, match="no predictions yet - run predict first"):
        run_phase(session, quick_job, day, "load")


def test_of_several_models_the_runs_own_is_published(session, job):
    days = [date(2013, 7, day) for day in (6, 7, 8)]
    one = job_with_prior(replace(job, name="several"), 20.0)
    first, second = (run_phase(session, one, day, "train").models[0]["uri"] for day in days[:2])
    for model in (first, second):
        run_phase(session, one, days[2], "predict", model=model)
    with pytest.raises(RequestError, match=r"2 models predicted for rate@.* - train and predict in this run"):
        run_phase(session, one, days[2], "load")
    run = prepare(session, one, days[2])
    assert run_phase(session, one, days[2], "load").rows["load"] == ROWS
    own = {model.variant: model.model_id for model in committed_models(run)}
    assert {variant: model_id for variant, (_, model_id, _) in published_slices(run).items()} == own
