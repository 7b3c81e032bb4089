"""The rehearsal of a job: every statement that a run sends, in an order in which each can be executed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from pipeline.operate.sql.rehearsal import Rehearsal
from pipeline.project.project import Project
from pipeline.runs.session import Session
from tests.operate.sql.conftest import TARGET
from tests.support.integration_fixtures import ROOT

DAY = date(2013, 7, 1)
MAKES = re.compile(r"CREATE (?:OR REPLACE )?(?:TABLE|VIEW|FUNCTION) (?:IF NOT EXISTS )?`([^`]+)`")
NAMED = re.compile(r"`(pipeline-local\.[^`]+)`")


@pytest.fixture
def rehearsal(no_requests):
    project = Project(ROOT)
    return Rehearsal.of(Session.open(project, TARGET), project.job("flight_delay"), DAY)


def test_nothing_is_read_before_it_is_made(rehearsal):
    known = {str(table) for table in rehearsal.tables()}
    for statement in rehearsal.sent():
        made = set(MAKES.findall(statement.sql))
        assert set(NAMED.findall(statement.sql)) - made <= known, statement.asset.name
        known |= made


def test_parts_read_only_what_was_made(rehearsal):
    known = {str(table) for table in rehearsal.tables()}
    for statement in rehearsal.sent():
        known |= set(MAKES.findall(statement.sql))
    for statement in rehearsal.parts():
        assert set(NAMED.findall(statement.sql)) <= known, statement.asset.name


def test_every_parameter_has_a_value_and_is_used(rehearsal):
    for statement in (*rehearsal.sent(), *rehearsal.parts()):
        assert set(statement.types) == set(statement.values)
        assert set(statement.types) == set(re.findall(r"@(\w+)", statement.sql)), statement.asset.name


def test_every_line_has_a_file_and_a_number(rehearsal):
    for statement in (*rehearsal.sent(), *rehearsal.parts()):
        assert len(statement.lines) >= len(statement.sql.splitlines()), statement.asset.name
        for path, number in set(statement.lines):
            assert 1 <= number <= len(path.read_text().splitlines()), (path, number)


def test_lines_without_placeholders_equal_the_file(rehearsal):
    for statement in (*rehearsal.sent(), *rehearsal.parts()):
        origins = [path.read_text().splitlines()[number - 1] for path, number in statement.lines]
        for line, origin in zip(statement.sql.splitlines(), origins, strict=False):
            if "`{" not in origin and "@" not in origin and line.strip() != ")":
                assert origin.strip() in line, statement.asset.name


def test_tables_are_sources_and_loaded_tables(rehearsal):
    tables = rehearsal.tables()
    assert {table.name for table in tables} >= set(rehearsal.job.spec.sources) | {"flight_delay__predictions_v1"}
    assert tables[rehearsal.loaded] == rehearsal.job.prediction_schema
    names = list(tables)
    assert tables[names[0]].names == list(rehearsal.job.spec.sources[names[0].name].columns)


def test_moments_are_those_of_the_run_date(rehearsal):
    assert rehearsal.run.as_of == datetime(2013, 7, 1, 4, tzinfo=UTC)
    assert rehearsal.run.run_date == DAY
    assert all("20130701" in table.name for table in (rehearsal.loaded, rehearsal.labels))
    assert rehearsal.variant == rehearsal.job.variants[0].id


def test_a_rehearsal_is_repeatable(rehearsal):
    again = Rehearsal.of(rehearsal.session, rehearsal.job, DAY)
    assert [statement.sql for statement in again.sent()] == [statement.sql for statement in rehearsal.sent()]
