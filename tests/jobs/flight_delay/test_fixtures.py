"""The tiny data set has the same bytes for a seed, the declared columns, every edge case and an effect."""

from __future__ import annotations

import json

import polars as pl
import pytest

from jobs.flight_delay.fixtures import FIRST_DAY, LAST_DAY, write_fixtures
from jobs.flight_delay.sources import KEY, NEW_YORK


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fixtures")
    write_fixtures(folder, 7)
    return folder


@pytest.fixture(scope="module")
def tables(folder):
    return {path.stem: pl.read_ndjson(path, infer_schema_length=None) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def landed(tables):
    outcomes = tables["flight_outcomes"].rename({"known_at": "landed_at"})
    joined = outcomes.join(tables["flights_schedule"], on=KEY, validate="1:1")
    moment = pl.col("arrived_at").str.to_datetime(time_zone="UTC").dt.convert_time_zone(NEW_YORK)
    return joined.with_columns(late=pl.col("arr_delay") > 15, landed_on=moment.dt.date().cast(pl.String))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_seed_decides_the_bytes(folder, tmp_path):
    write_fixtures(tmp_path / "again", 7)
    write_fixtures(tmp_path / "other", 8)
    assert contents(tmp_path / "again") == contents(folder)
    assert contents(tmp_path / "other") != contents(folder)


def test_the_files_have_the_declared_columns_in_their_order(job, folder):
    written = {path.stem: list(json.loads(path.read_text().splitlines()[0])) for path in folder.iterdir()}
    assert written == {name: list(source.columns) for name, source in job.spec.sources.items()}


def test_required_columns_are_never_missing(job, tables):
    for name, source in job.spec.sources.items():
        required = [column for column, kind in source.columns.items() if kind.endswith("NOT NULL")]
        assert tables[name].select(required).null_count().sum_horizontal().item() == 0, name


def test_fixtures_have_both_classes_on_every_day(tables, landed):
    days = tables["flights_schedule"].group_by("flight_date").len().sort("flight_date")
    assert days["len"].unique().to_list() == [16]
    assert (days.height, days["flight_date"][0], days["flight_date"][-1]) == (40, str(FIRST_DAY), str(LAST_DAY))
    shares = landed.group_by("flight_date").agg(pl.col("late").mean())["late"]
    assert len(shares) == 40
    assert shares.is_between(0, 1, closed="none").all()


def test_the_key_needs_the_origin(tables):
    planned = tables["flights_schedule"]
    assert planned.select(KEY).is_unique().all()
    assert planned.select(KEY[:3]).is_duplicated().sum() == 2 * 40


def test_every_edge_case_is_there(tables, landed):
    planned, register = tables["flights_schedule"], tables["planes"]
    assert 0 < planned.height - landed.height < 50, "cancelled flights"
    assert 0 < planned["tailnum"].null_count() < 50, "no aircraft assigned"
    assert planned.join(register, on="tailnum", how="anti")["tailnum"].drop_nulls().len() > 0, "unregistered aircraft"
    assert landed.filter(pl.col("landed_on") > pl.col("flight_date")).height > 40, "landed after midnight"
    assert "SJU" not in tables["airports"]["airport"], "unregistered destination"
    hours = tables["weather"].group_by("origin").len()["len"]
    assert hours.max() < 40 * 24, "hours without weather"


def test_evenings_and_one_carrier_are_late(landed):
    evening = landed.group_by(evening=pl.col("departure_hour") >= 17).agg(pl.col("late").mean()).sort("evening")["late"]
    carrier = landed.group_by(slow=pl.col("carrier") == "AA").agg(pl.col("late").mean()).sort("slow")["late"]
    assert evening[1] > evening[0] + 0.3
    assert carrier[1] > carrier[0]
