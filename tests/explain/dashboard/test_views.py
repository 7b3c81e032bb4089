"""The page of a job that ran, on the emulators."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pipeline.errors import RequestError
from pipeline.explain.dashboard.views import check_out, rows_from_views, write_dashboard
from pipeline.phases.evaluate import evaluate_job
from pipeline.phases.run import run_job
from pipeline.runs.tables import DASHBOARD_VIEWS
from tests.support.integration_fixtures import edited, reader

DAYS = [date(2013, 7, 4), date(2013, 7, 5)]


@pytest.fixture(scope="module")
def ran(session, quick_job):
    for day in DAYS:
        run_job(session, quick_job, day)
    evaluate_job(session, quick_job, date(2013, 7, 9))
    return session


@pytest.fixture(scope="module")
def rows(ran, quick_job):
    return rows_from_views(ran, quick_job)


def test_dashboard_dataset_holds_all_views(ran):
    tables = ran.warehouse.tables.labels_in(ran.target.dashboard_dataset)
    assert set(tables) == {f"dashboard_{name}" for name in DASHBOARD_VIEWS}


def test_rows_are_those_of_the_metrics_with_roles(ran, rows, quick_job):
    champion, baseline = (variant.id for variant in quick_job.variants)
    assert rows.dates == DAYS
    assert {(row["variant"], row["role"]) for row in rows.history} == {(champion, "champion"), (baseline, "baseline")}
    assert {row["role"] for row in rows.slices} == {"champion"}
    assert {row["metric"] for row in rows.slices} == set(quick_job.spec.headline)
    recorded = reader(ran)("SELECT COUNT(*) AS n FROM ml.metrics WHERE slice_name = ''")
    assert len(rows.history) == recorded[0]["n"]


def test_each_metric_has_its_direction(rows):
    better = {row["metric"]: row["better"] for row in rows.latest}
    assert (better["auc"], better["log_loss"], better["base_rate"]) == ("higher", "lower", "neither")


def test_calibration_bins_have_both_numbers(rows):
    assert rows.calibration
    assert all(row["mean_score"] is not None and 0 <= row["observed_rate"] <= 1 for row in rows.calibration)


def test_first_champion_is_a_decision_without_a_metric(rows):
    decided = [row for row in rows.comparison if row["verdict"] == "first"]
    assert [(row["run_date"], row["metric"], row["challenger"]) for row in decided] == [(DAYS[0], None, None)]


def test_every_phase_of_every_night_has_seconds(rows):
    phases = {(row["run_date"], row["phase"]) for row in rows.runs if row["seconds"] is not None}
    assert phases == {(day, phase) for day in DAYS for phase in ("preprocess", "train", "predict", "load", "evaluate")}
    assert all(
        row["bytes"] is not None
        for row in rows.runs
        if row["phase"] in ("preprocess", "load", "evaluate") and row["event"] != "checked"
    )
    assert all((row["cost"] is None) == (row["bytes"] is None) for row in rows.runs)


def test_event_of_a_publication_names_the_role(ran, quick_job):
    events = reader(ran)("SELECT variant, details FROM ledger.events WHERE event = 'published'")
    roles = {row["variant"]: json.loads(row["details"])["role"] for row in events}
    assert roles == dict(zip((variant.id for variant in quick_job.variants), ("variant", "baseline"), strict=True))


def test_page_of_some_dates_holds_only_these(ran, quick_job):
    assert rows_from_views(ran, quick_job, DAYS[1], DAYS[1]).dates == [DAYS[1]]
    assert rows_from_views(ran, quick_job, None, DAYS[0]).dates == [DAYS[0]]
    assert rows_from_views(ran, quick_job, date(2013, 8, 1)).dates == []


def test_page_replaces_an_older_file_or_object(ran, quick_job, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    assert write_dashboard(ran, quick_job, str(path)) == f"flight_delay dashboard: {path}"
    html = path.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    uri = ran.store.uri("page.html")
    for _ in range(2):
        write_dashboard(ran, quick_job, uri)
    assert ran.store.read_bytes(uri).decode().startswith("<!doctype html>")


def test_job_without_runs_has_a_page(make_empty_session, quick_job, tmp_path):
    fresh = make_empty_session()
    assert rows_from_views(fresh, quick_job).dates == []
    write_dashboard(fresh, quick_job, str(tmp_path / "fresh.html"))


def test_headline_metric_that_was_not_computed_is_refused(ran, quick_job):
    with pytest.raises(RequestError, match="key headline: there is no metric 'aux'"):
        rows_from_views(ran, edited(quick_job, headline=["aux"]))


@pytest.mark.parametrize("out", ["page.txt", "missing/page.html", "gs://bucket", "gs://bucket/page", "."])
def test_path_that_cannot_hold_a_page_is_refused(out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="--out"):
        check_out(out)
