"""Values in files, tables, names and clocks: fitting values survive exactly, other values stop the run."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from pipeline.cloud.storage.store import split_uri
from pipeline.errors import CheckError, RequestError
from pipeline.operate.sources import load_sources
from pipeline.phases.load import load_from_uris
from pipeline.phases.predict import predict_from_data
from pipeline.phases.run import run_job, run_phase
from pipeline.rows.jsonl import read_jsonl, write_jsonl
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.predictions import committed_manifests, committed_shards
from pipeline.runs.claims import claims_of
from pipeline.runs.job_statements import examples_columns
from pipeline.runs.layout import Folder
from pipeline.runs.ledger.ledger import Event, Ledger
from pipeline.runs.opening import join_run
from pipeline.runs.publications import published_slices
from pipeline.runs.tables import ensure_tables
from pipeline.sql import TableName
from pipeline.sql.identifiers import quote_columns, quote_name
from tests.faults.outcomes import of_files, published
from tests.support.changed_variants import FIRST, LAST, ROWS
from tests.support.integration_fixtures import edited, reader

BIG = 2**60 + 1
SCHEMA = Schema.parse(
    {
        "id": "INT64 NOT NULL",
        "big": "INT64",
        "share": "FLOAT64",
        "price": "NUMERIC",
        "day": "DATE",
        "seen": "TIMESTAMP",
        "text": "STRING",
        "open": "BOOL",
    }
)
MOMENT = datetime(2013, 7, 5, 3, 59, 59, 999999, tzinfo=UTC)
WRITTEN = [
    [1, BIG, 0.1 + 0.2, Decimal("12345678901234567890123456789.123456789"), LAST, MOMENT, "a\u2028b\u2029c\x85d", True],
    [2, -BIG, 5e-324, Decimal("-0.000000001"), date(1, 1, 1), datetime(1, 1, 1, tzinfo=UTC), "ü 🛫 \"'`\\n\t", False],
    [3, 2**63 - 1, 1.7976931348623157e308, Decimal(0), date(9999, 12, 31), MOMENT, "", None],
    [4, -(2**63), math.nan, None, None, None, None, None],
]  # fmt: skip


def frame_of_objects(rows, schema=SCHEMA):
    return pd.DataFrame(rows, columns=schema.names, dtype=object)


def known(rows):
    """Return rows with None in place of NaN."""
    return [[None if isinstance(value, float) and math.isnan(value) else value for value in row] for row in rows]


def load(session, name, frame, schema, tmp_path):
    """Write, upload and load a frame, shape (rows, columns of the schema); return the table."""
    path, table = tmp_path / f"{name}.jsonl", session.target.run_table(name)
    rows = write_jsonl(frame, schema, path)
    uri = session.store.uri(f"{name}.jsonl")
    session.store.put_file(path, uri)
    load_from_uris(session, [uri], table, schema, [schema.names[0]], step=name, rows=rows)
    return table


def test_fitting_values_survive_file_table_and_frame(session, tmp_path):
    table = load(session, "exact", frame_of_objects(WRITTEN), SCHEMA, tmp_path)
    assert (tmp_path / "exact.jsonl").read_bytes().count(b"\n") == len(WRITTEN)
    assert [list(row.values()) for row in reader(session)("SELECT * FROM runs.exact ORDER BY id")] == known(WRITTEN)
    frame = session.warehouse.read_frame(table, SCHEMA, order_by=["id"])
    found = [[None if value is pd.NA or value is pd.NaT else value for value in row] for row in frame.to_numpy(object)]
    assert known(found) == known(WRITTEN)
    assert [str(value) for value in read_jsonl(tmp_path / "exact.jsonl")["big"]] == [str(row[1]) for row in WRITTEN]


DO_NOT_FIT = {
    "NaN where a value is required": ("FLOAT64 NOT NULL", math.nan, "a missing value"),
    "infinity": ("FLOAT64", math.inf, "an infinite number"),
    "minus infinity": ("FLOAT64", -math.inf, "an infinite number"),
    "infinity of numpy": ("FLOAT64", np.float32("inf"), "an infinite number"),
    "infinity in NUMERIC": ("NUMERIC", Decimal("Infinity"), "an infinite number"),
    "2^63": ("INT64", 2**63, "not within the range of INT64"),
    "a fraction": ("INT64", 0.5, "not an integer"),
    "a Decimal with too many digits": ("NUMERIC", Decimal("0.1234567891"), "does not fit NUMERIC"),
    "bytes": ("STRING", b"abc", "bytes instead of STRING"),
    "a float as a name": ("STRING", 7.0, "float instead of STRING"),
    "a lone surrogate": ("STRING", "a\ud800b", "lone surrogate"),
    "a moment as a date": ("DATE", datetime(2013, 7, 5, 12, tzinfo=UTC), "a moment that is not midnight"),
    "the year 10000": ("DATE", "10000-01-01", "not a date from 0001-01-01 to 9999-12-31"),
    "a whole number as a moment": ("TIMESTAMP", 1373000000, "int instead of TIMESTAMP"),
}


@pytest.mark.parametrize(("column_type", "value", "reason"), DO_NOT_FIT.values(), ids=DO_NOT_FIT)
def test_unfit_value_is_refused_and_leaves_no_file(tmp_path, column_type, value, reason):
    schema = Schema.parse({"id": "INT64", "value": column_type})
    good = {"FLOAT64": 0.5, "INT64": 1, "STRING": "a", "DATE": LAST, "TIMESTAMP": MOMENT, "NUMERIC": Decimal(1)}
    frame = frame_of_objects([[1, good[column_type.split()[0]]], [2, value]], schema)
    with pytest.raises(CheckError, match=rf"bad\.jsonl: line 2, column value: .*{reason}") as refused:
        write_jsonl(frame, schema, tmp_path / "bad.jsonl")
    assert refused.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.matrix(2)
@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, "high", b"0.5", None])
def test_unfit_score_exits_with_code_3(session, own, monkeypatch, score):
    def one_bad(model, df):
        predictions = predict_from_data(model, df).astype({"score": object})
        predictions.loc[predictions.index[0], "score"] = score
        return predictions

    run_phase(session, own, FIRST, "train")
    monkeypatch.setattr("pipeline.phases.predict.predict_from_data", one_bad)
    with pytest.raises(CheckError, match=f"1 of {ROWS} predictions do not fit") as stopped:
        run_phase(session, own, FIRST, "predict")
    assert stopped.value.exit_code == 3
    run = join_run(session, own, FIRST)
    assert (committed_manifests(run), published_slices(run)) == ([], {})


SHARDS, BAD = 100, 57


@pytest.mark.long
def test_one_bad_row_in_100_shards_publishes_nothing(session, own, monkeypatch):
    job = edited(own, predictions=own.spec.predictions.model_copy(update={"shards": SHARDS}))
    run_phase(session, job, FIRST, "train")
    run = join_run(session, job, FIRST)
    read = session.warehouse.read_frame
    frames = {}

    def shard_of(run, table, shard):
        """Return the rows of the day in every sixth shard; they are read once, because 100 streams take long."""
        if not frames:
            frames["all"] = read(
                table, examples_columns(session, job), where="_scores", order_by=job.spec.prediction_key
            )
        place = shard - BAD % 6
        return frames["all"].iloc[place // 6 : place // 6 + 1] if place % 6 == 0 else frames["all"].iloc[:0]

    def with_one_bad_row(model, df):
        predictions = predict_from_data(model, df)
        return predictions.assign(score=math.inf) if df.index[0] == BAD // 6 else predictions

    monkeypatch.setattr("pipeline.phases.predict.shard_rows", shard_of)
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.phases.predict.predict_from_data", with_one_bad_row)
        with pytest.raises(
            CheckError, match=rf"1 of {ROWS} predictions .*shard-{BAD:05d}-of-00100-.*line 1"
        ) as stopped:
            run_job(session, job, FIRST)
    assert stopped.value.exit_code == 3
    assert (committed_manifests(run), published_slices(run)) == ([], {})
    uri = session.store.list(run.layout.run_folder(Folder.PREDICTIONS))[0].uri
    shards = committed_shards(run, uri.rpartition("/")[0])
    assert len(shards) == SHARDS
    assert [number for number, shard in shards.items() if shard.rejected] == [BAD]
    assert sum(shard.rows for shard in shards.values()) == ROWS - 1
    fixed = run_job(session, job, FIRST, rerun=True)  # fixed code would be another definition, so another generation
    assert fixed.rows["load"] == ROWS
    assert published(session, job) == of_files(session, join_run(session, job, FIRST))
    assert {row[4] for row in published(session, job)} == {fixed.run_id}


def test_changed_shard_count_is_another_definition(session, own):
    run_phase(session, own, FIRST, "train")
    run_phase(session, own, FIRST, "predict")
    old = join_run(session, own, FIRST)
    three = edited(own, predictions=own.spec.predictions.model_copy(update={"shards": 3}))
    done = run_job(session, three, FIRST)
    new = join_run(session, three, FIRST)
    assert (old.generation, new.generation, done.rows["load"]) == (1, 2, ROWS)
    (before,), (after,) = committed_manifests(old), committed_manifests(new)
    assert [len(manifest.shards) for manifest in (before, after)] == [1, 3]
    assert not set(before.uris) & set(after.uris)
    (part,) = published_slices(new).values()
    assert (part.run_id, part.rows) == (new.run_id, ROWS)
    with pytest.raises(RequestError, match=f"superseded by {new.run_id}"):
        run_phase(session, own, FIRST, "load")


def test_empty_input_voids_the_run(make_empty_session, own, fixtures_folder, tmp_path):
    session = make_empty_session()
    for name in own.spec.sources:
        (tmp_path / f"{name}.jsonl").touch()
    assert set(load_sources(session, own, tmp_path).values()) == {0}
    with pytest.raises(RequestError, match=r"nothing to score; .* is empty") as stopped:
        run_job(session, own, FIRST)
    assert stopped.value.exit_code == 2
    (voided,) = claims_of(session, own, FIRST)
    assert published(session, own) == []
    load_sources(session, own, fixtures_folder)
    assert run_job(session, own, FIRST).rows["load"] == ROWS
    run = join_run(session, own, FIRST)
    assert (run.generation, run.snapshot_at.isoformat() > voided.snapshot_at) == (2, True)
    assert published(session, own) == of_files(session, run)


def test_shard_without_examples_is_an_empty_file(session, tmp_path):
    assert write_jsonl(frame_of_objects([]), SCHEMA, tmp_path / "empty.jsonl") == 0
    assert (tmp_path / "empty.jsonl").read_bytes() == b""
    table = session.target.run_table("nothing")
    profile = load_from_uris(session, [], table, SCHEMA, ["id"], step="nothing", rows=0)
    assert (profile["row_count"], profile["checksum"], session.warehouse.tables.row_count(table)) == (0, 0, 0)


def test_pages_with_nulls_and_odd_dates_have_equal_dtypes(session):
    reader(session)(
        "CREATE OR REPLACE TABLE ml.pages AS SELECT n AS id, IF(n < 9000, NULL, 9007199254740993 + n) AS big,"
        " CASE WHEN n < 5000 THEN NULL WHEN n = 9999 THEN DATE '9999-12-31' WHEN n = 9998 THEN DATE '0001-01-01'"
        " ELSE DATE '2013-07-05' END AS day FROM UNNEST(GENERATE_ARRAY(0, 9999)) AS n"
    )
    schema, table = Schema.parse({"id": "INT64", "big": "INT64", "day": "DATE"}), session.target.table("pages")
    pages = [session.warehouse.read_frame(table, schema, where=where, order_by=["id"]) for where in
             ("id < 100", "id > 9900 AND id < 9990", "id >= 9990", "id < 0", "")]  # fmt: skip
    assert len({tuple(map(str, page.dtypes)) for page in pages}) == 1
    assert [len(page) for page in pages] == [100, 89, 10, 0, 10000]
    last = pages[-1].iloc[-1]
    assert (last["big"], last["day"]) == (9007199254740993 + 9999, date(9999, 12, 31))
    assert pages[-1]["day"].iloc[9998] == date(1, 1, 1)
    assert pages[-1]["big"].isna().sum() == 9000


INJECTED = (
    "t`; DROP TABLE x; --",
    "t` WHERE TRUE --",
    "a b",
    "a\nb",
    "a'b",
    'a"b',
    "a\\b",
    "a;b",
    "\uff46ullwidth",
    "",
    "x" * 1025,
)


@pytest.mark.parametrize("name", INJECTED)
def test_sql_in_a_name_is_refused(session, name):
    target = session.target
    for attempt in (
        lambda: target.table(name),
        lambda: target.run_table(name),
        lambda: TableName(target.project, name, "t"),
        lambda: TableName(name, "d", "t"),
        lambda: TableName.parse(f"p.d.{name}"),
        lambda: quote_columns(["a", name]),
        lambda: quote_name(name),
    ):
        with pytest.raises(RequestError):
            attempt()


def test_sql_in_a_value_stays_a_value(session, own):
    ensure_tables(session, own)
    text = "x'); DROP TABLE events_v1; --`\"\\ @run_date {events}"
    event = Event("load", "published", key=text, variant=text, uri=text, details={"text": text})
    Ledger(session, own.name).record(FIRST, own.name, [event])
    (row,) = Ledger(session, own.name).events(FIRST, FIRST)
    assert row["variant"] == text
    assert json.loads(row["details"]) == {"text": text}
    assert split_uri(session.store.uri(text))[1].endswith(text)


def test_an_event_is_appended_once_however_often_it_is_recorded(session, own):
    ensure_tables(session, own)
    event = Event("predict", "done", key="v/m", variant="v", model_id="m", row_count=1)
    for seconds in (1.0, 1.0, 2.0):
        Ledger(session, own.name).record(FIRST, own.name, [replace(event, seconds=seconds)])
    rows = reader(session)(f"SELECT event_id, seconds FROM ledger.events_v1 WHERE job = '{own.name}'")
    assert rows == [{"event_id": f"{own.name}/predict/done/v/m", "seconds": 1.0}]


ZONES = {
    "Pacific/Honolulu": datetime(2013, 7, 3, 10, tzinfo=UTC),
    "America/New_York": datetime(2013, 7, 3, 4, tzinfo=UTC),
    "UTC": datetime(2013, 7, 3, tzinfo=UTC),
    "Asia/Kolkata": datetime(2013, 7, 2, 18, 30, tzinfo=UTC),
    "Pacific/Kiritimati": datetime(2013, 7, 2, 10, tzinfo=UTC),
}


@pytest.fixture
def clock_of(monkeypatch):
    """Return a function that sets the time zone of the machine."""

    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ZONES)
def test_time_zone_moves_the_moment_and_not_the_run_date(own, clock_of, zone):
    there = edited(own, time_zone=zone)
    for machine in ZONES:
        clock_of(machine)
        assert there.as_of(FIRST) == ZONES[zone]
        assert there.as_of(FIRST).date() == FIRST
    assert there.as_of(FIRST) - there.as_of(FIRST - timedelta(days=1)) == timedelta(days=1)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("machine", ["Pacific/Honolulu", "Pacific/Kiritimati"])
def test_machine_time_zone_does_not_change_published_rows(session, own, clock_of, machine):
    clock_of(machine)
    assert os.environ["TZ"] == machine
    done = run_job(session, own, FIRST)
    columns = (
        f"run_date, flight_date, flight, origin, score FROM ml.{own.predictions_table} WHERE run_id = '{done.run_id}'"
    )
    rows = reader(session)(f"SELECT {columns} ORDER BY flight, origin")
    assert len(rows) == ROWS
    assert {(row["run_date"], row["flight_date"]) for row in rows} == {(FIRST, FIRST)}
    run = join_run(session, own, FIRST)
    assert abs(datetime.now(UTC) - run.snapshot_at) < timedelta(minutes=1)
    model = done.models[0]
    assert committed_shards(run, run.layout.predictions(model["variant"], model["model_id"]))[0].rows == ROWS


def test_machine_time_zone_does_not_change_files(tmp_path, clock_of):
    for machine in ZONES:
        clock_of(machine)
        write_jsonl(frame_of_objects(WRITTEN[:1]), SCHEMA, tmp_path / f"{machine.replace('/', '-')}.jsonl")
    (content,) = {path.read_bytes() for path in tmp_path.iterdir()}
    assert b'"day":"2013-07-05","seen":"2013-07-05T03:59:59.999999Z"' in content
