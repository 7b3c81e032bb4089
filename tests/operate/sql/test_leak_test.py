"""The leak test: every job passes, and each comparison finds a leak that the other cannot find."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.operate.sources import load_sources, write_fixtures
from pipeline.operate.sql.leak_test import leak_test
from pipeline.project.project import Project
from pipeline.sql import Catalogue
from tests.support.dummy_project import edit
from tests.support.integration_fixtures import ROOT

DAY = date(2013, 7, 5)
LABELS = "sql/flight_delay/evaluate/labels_v1.sql"
EXAMPLES = "sql/flight_delay/preprocess/examples_v1.sql"
CUT = "WHERE known_at <= @as_of\n    AND flight_date BETWEEN"
HONEST = "COUNT(*) OVER (PARTITION BY day, origin, departure_hour) AS flights_origin_hour"
LATE = "SUM(IF(late = 1, 1, 0)) OVER (PARTITION BY day, origin, departure_hour) AS flights_origin_hour"


@pytest.fixture
def changed(session, tmp_path):
    """Returns the session with a copy of the job's SQL in which some text is replaced."""

    def change(*pairs):
        for folder in ("sql", "udf"):
            shutil.copytree(ROOT / folder, tmp_path / folder)
        for old, new in pairs:
            edit(tmp_path / EXAMPLES, old, new)
        return SimpleNamespace(session=replace(session, catalogue=Catalogue(tmp_path)), project_root=tmp_path)

    return change


LAST_DAYS = {"flight_delay": DAY, "item_recommend": date(2026, 2, 3)}
"""A day of each job's tiny data; a job that is not here fails."""


@pytest.mark.parametrize("name", Project.open(ROOT).job_names())
def test_every_job_passes_the_leak_test(make_empty_session, project, tmp_path, name):
    session, job, day = make_empty_session(), project.job(name), LAST_DAYS[name]
    write_fixtures(job, tmp_path, 7)
    load_sources(session, job, tmp_path)
    found = leak_test(session, job, day, days=2)
    descriptions = [pair.description.removeprefix(job.spec.examples.sql).strip() for pair in found]
    known = f"made of all rows and of those known at {job.as_of(day):%Y-%m-%d %H:%M %Z}"
    # a job that learns from the rows that it scores has none of past moments
    past = ("2013-07-04", "2013-06-01") if job.spec.examples.history_days else ()
    assert descriptions == [
        known,
        f"{job.spec.labels.sql} {known}",
        *(f"{past_day} seen from {day} and from itself" for past_day in past),
    ]
    assert found[0].rows > found[1].rows
    assert all(pair.rows for pair in found)


def test_a_look_into_the_future_is_found(session, job, changed):
    """Outcomes of the same day, whenever they became known: scoring and training read the same ones."""
    leaking = changed((CUT, "WHERE flight_date BETWEEN"), (HONEST, LATE)).session
    message = (
        r"leaks: made of all rows and of those known at .*: different: flights_origin_hour; e\.g\. flight_date 2013"
    )
    with pytest.raises(CheckError, match=message) as caught:
        leak_test(leaking, job, DAY, days=1)
    assert caught.value.exit_code == 3


def test_a_past_row_with_the_knowledge_of_the_run_is_found(session, job, changed):
    """Outcomes of the same day as far as the run knows them: none for a scored row, all of them for a past one."""
    leaking = changed((HONEST, LATE)).session
    with pytest.raises(CheckError, match=r"leaks: 2013-07-04 seen from 2013-07-05 and from itself: different: flights"):
        leak_test(leaking, job, DAY, days=1)


@pytest.mark.long
def test_rows_without_a_counterpart_are_counted(session, job, changed):
    leaking = changed(
        ("WHERE t.flight_date >=", "WHERE (t.flight_date = @run_date OR t.departure_hour < 12) AND t.flight_date >=")
    ).session
    with pytest.raises(CheckError, match=r"\d+ rows have no counterpart; e\.g\. flight_date 2013-0\d-\d\d, carrier"):
        leak_test(leaking, job, DAY, days=1)


@pytest.mark.long
def test_sums_in_another_order_are_no_leak(session, job, changed):
    noisy = changed(
        ("o.rate AS late_rate,", "o.rate + IF(@run_date = t.flight_date, 1e-14, 0.0) AS late_rate,")
    ).session
    assert len(leak_test(noisy, job, DAY, days=1)) == 3


def test_small_differences_are_a_leak(session, job, changed):
    leaking = changed(
        ("o.rate AS late_rate,", "o.rate + IF(@run_date = t.flight_date, 1e-6, 0.0) AS late_rate,")
    ).session
    with pytest.raises(CheckError, match="different: late_rate;"):
        leak_test(leaking, job, DAY, days=1)


def test_a_date_without_a_past_is_refused(session, job):
    with pytest.raises(RequestError, match="2012-01-01: no past day has examples - choose a later --run-date"):
        leak_test(session, job, date(2012, 1, 1))


def test_labels_that_are_known_too_early_are_found(session, job, changed):
    leaking = changed()
    edit(leaking.project_root / LABELS, "WHERE known_at <= @as_of\n  AND", "WHERE")
    with pytest.raises(CheckError, match=r"flight_delay/evaluate/labels_v1 leaks: made of all rows.*no counterpart"):
        leak_test(leaking.session, job, DAY, days=1)


def test_a_leak_of_an_older_day_is_found(session, job, changed):
    late = "IF(t.flight_date < DATE_SUB(@run_date, INTERVAL 3 DAY), 1, 0) + t.scheduled_minutes"
    leaking = changed(("  t.scheduled_minutes,", f"  {late} AS scheduled_minutes,")).session
    assert len(leak_test(leaking, job, DAY, days=1)) == 3
    with pytest.raises(CheckError, match=r"2013-06-01 seen from 2013-07-05 .*: different: scheduled_minutes"):
        leak_test(leaking, job, DAY, days=2)


def test_rows_of_other_moments_are_refused(session, job, changed):
    leaking = changed(
        ("t.known_at AS example_as_of", "TIMESTAMP_SUB(t.known_at, INTERVAL 1 MINUTE) AS example_as_of")
    ).session
    with pytest.raises(CheckError, match=r"\d+ examples of 2013-\S+ \S+, a moment at which nothing is scored"):
        leak_test(leaking, job, DAY)
