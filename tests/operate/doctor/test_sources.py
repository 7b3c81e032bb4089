"""`pipeline doctor JOB` looks at the sources of a job."""

from __future__ import annotations

import pytest

from pipeline.emulators.limits import MADE, UNKNOWN
from pipeline.operate.doctor import diagnose
from pipeline.operate.doctor.result import Surroundings
from pipeline.operate.sources import load_sources
from tests.support.integration_fixtures import ROOT, reader

LOCAL = Surroundings("local.txt", UNKNOWN, MADE.here)


@pytest.fixture
def look(make_empty_session, job, fixtures_folder):
    session = make_empty_session()
    load_sources(session, job, fixtures_folder)

    def results(name="flight_delay", phase=""):
        found = diagnose(ROOT, lambda: session.target, LOCAL, job=name, phase=phase)
        return {result.check: result for result in found if result.check.startswith("source ")}

    return session, results


def test_sources_that_fit_are_named_with_their_rows(look, job):
    _, results = look
    found = results()
    assert list(found) == [f"source {name} of flight_delay" for name in job.spec.sources]
    assert {result.state for result in found.values()} == {"ok"}
    assert found["source flights_schedule of flight_delay"].summary.startswith("640 rows, with the ")
    assert results(name="") == results(phase="train") == {}


def test_missing_table_view_and_other_columns_are_errors(look):
    session, results = look
    run = reader(session)
    run("DROP TABLE ml.planes")
    run("CREATE OR REPLACE TABLE ml.weather AS SELECT 1 AS origin")
    run("CREATE TABLE ml.kept AS SELECT * FROM ml.flight_outcomes")
    run("DROP TABLE ml.flight_outcomes")
    run("CREATE VIEW ml.flight_outcomes AS SELECT * FROM ml.kept")
    found = {check.split()[1]: result for check, result in results().items() if result.state == "error"}
    assert {result.exit_code for result in found.values()} == {2}
    assert set(found) == {"flight_outcomes", "planes", "weather"}
    assert found["planes"].summary.endswith("planes does not exist - load it with pipeline sources load flight_delay")
    assert "is a view: a run reads its sources as of a moment" in found["flight_outcomes"].summary
    assert "weather lacks column " in found["weather"].summary
    assert "has column origin of type INT64 instead of STRING" in found["weather"].summary
    assert f"fix key sources.weather of {ROOT}/jobs/flight_delay/job.yaml" in found["weather"].summary
