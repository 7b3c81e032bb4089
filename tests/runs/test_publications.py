from __future__ import annotations

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from pipeline.runs.artefacts.predictions import Manifest, ShardFile
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.opening import open_run
from pipeline.runs.publications import Slice, finished, is_published, publications, published, published_slices
from tests.support.changed_variants import DAYS, FIRST, LAST, MIDDLE, job_with_prior, publish


def manifest(rows, run_id="r", model_id="m", variant="v@1"):
    return Manifest(run_id, model_id, variant, (ShardFile(0, "gs://b/f", rows, 9, "c", 1, "s", "d"),))


@pytest.mark.parametrize(
    ("rows", "slices", "done"),
    [
        (2, {"v@1": Slice("r", "m", 2)}, True),
        (2, {"v@1": Slice("r", "m", 1)}, False),
        (2, {"v@1": Slice("r", "other", 2)}, False),
        (2, {"v@1": Slice("older", "m", 2)}, False),
        (2, {"w@1": Slice("r", "m", 2)}, False),
        (2, {}, False),
        (0, {}, True),
        (0, {"w@1": Slice("r", "m", 2)}, True),
        (0, {"v@1": Slice("older", "m", 2)}, False),
    ],
)
def test_a_set_is_published_if_readers_see_exactly_it(rows, slices, done):
    assert is_published(manifest(rows), slices) is done


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture
def one(job):
    return job_with_prior(replace(job, name=f"j{uuid4().hex[:8]}"), 20.0)


def test_slices_are_those_of_the_given_run_dates(session, one):
    for day in DAYS:
        publish(session, one, day)
    variant = one.variants[0].id
    rows = published(session, one, MIDDLE, LAST)
    assert [(row["run_date"], row["variant"], row["model_id"], row["row_count"]) for row in rows] == [
        (day, variant, "m", 1) for day in (MIDDLE, LAST)
    ]
    run = open_run(session, one, FIRST)
    assert published_slices(run) == {variant: Slice(run.run_id, "m", 1)}


def test_a_set_is_finished_if_it_is_published_and_recorded(session, one):
    publish(session, one, FIRST)
    run, variant = open_run(session, one, FIRST), one.variants[0].id
    own = manifest(1, run.run_id, "m", variant)
    empty = manifest(0, run.run_id, "n", "w@1")
    assert is_published(own, published_slices(run))
    assert finished(run, [own, empty]) == []
    for each in (own, empty):
        event = Event("load", "published", key=each.variant, variant=each.variant, model_id=each.model_id)
        run.ledger.record(FIRST, run.run_id, [event])
    assert finished(run, [own, empty]) == [own, empty]
    assert finished(run, [manifest(2, run.run_id, "m", variant)]) == []


def event(run_id, generation, variant="v@1", rows=2):
    details = json.dumps({"generation": generation})
    named = {"variant": variant, "model_id": f"m-{run_id}", "row_count": rows, "details": details}
    return {"event": "published", "run_date": FIRST, "run_id": run_id, **named}


def test_the_newest_generation_counts_not_the_latest_event():
    events = [event("old", 1), event("new", 2), event("new", 2, "w@1", rows=0), event("late", 1)]
    assert publications(events) == {FIRST: ("new", (("v@1", "m-new"),))}
    assert publications(reversed(events)) == {FIRST: ("new", (("v@1", "m-new"),))}
    assert publications([{**event("r", 1), "event": "done"}]) == {}
