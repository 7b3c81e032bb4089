"""States of run dates, from the ledger alone."""

from __future__ import annotations

import json
from datetime import date

import pytest

from pipeline.explain.plan.plan import DONE, SUPERSEDED, TO_RUN, planned_dates
from pipeline.runs.identity import run_definition, run_id_of
from pipeline.runs.session import Session
from tests.support.dummy_project import offline_target

DAY = date(2013, 7, 4)


@pytest.fixture(scope="module")
def session(project):
    return Session.open(project, offline_target())


def published(session, job, generation, *, present=True, variants=None):
    """The events of a publication, with the current definition or with another one."""
    run_id = run_id_of(job, DAY, run_definition(job, session.catalogue) if present else {}, generation)
    row = {"run_date": DAY, "run_id": run_id, "event": "published", "phase": "load", "model_id": "m", "row_count": 5}
    details = json.dumps({"generation": generation})
    return [{**row, "variant": name, "details": details} for name in variants or [v.id for v in job.variants]]


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        ([], TO_RUN),
        ([(1, True)], DONE),
        ([(1, False)], TO_RUN),
        ([(1, True), (2, False)], SUPERSEDED),
        ([(1, False), (2, True)], DONE),
        ([(1, True), (2, True)], DONE),
    ],
)
def test_date_is_done_if_the_current_definition_is_the_newest(session, quick_job, runs, state):
    events = [row for number, present in runs for row in published(session, quick_job, number, present=present)]
    (planned,) = planned_dates(session, quick_job, [DAY], events)
    assert planned.state == state
    assert planned.evaluates


def test_date_with_a_missing_variant_runs(session, quick_job):
    events = published(session, quick_job, 1, variants=[quick_job.variants[0].id])
    assert planned_dates(session, quick_job, [DAY], events)[0].state == TO_RUN
