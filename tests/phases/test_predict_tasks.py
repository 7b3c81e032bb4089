"""Tasks of Cloud Run share the shards of a prediction: in any order, at once, twice, killed, and more or fewer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from pipeline.errors import RequestError
from pipeline.phases.run import run_job, run_phase
from pipeline.phases.task import Task
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.opening import join_run
from tests.support.integration_fixtures import quick

pytestmark = pytest.mark.cloud

SHARDS = 3
DAYS = iter(date(2013, 7, day) for day in range(1, 10))


@pytest.fixture(scope="module")
def sharded(job):
    return quick(job, shards=SHARDS)


@pytest.fixture
def trained(session, sharded):
    """A day of its own with models."""
    day = next(DAYS)
    run_phase(session, sharded, day, "train")
    return day


def predict(session, job, day, index, count):
    return run_phase(session, job, day, "predict", task=Task(index, count))


def sets(session, job, day):
    return committed_manifests(join_run(session, job, day))


def test_the_last_task_completes_the_set_in_any_order(session, sharded, trained):
    for index in (2, 0):
        assert predict(session, sharded, trained, index, 3).models == []
        assert sets(session, sharded, trained) == []
    assert len(predict(session, sharded, trained, 1, 3).models) == 2
    done = sets(session, sharded, trained)
    assert [len(manifest.shards) for manifest in done] == [SHARDS, SHARDS]
    assert predict(session, sharded, trained, 1, 3).status == "already_done"
    assert run_phase(session, sharded, trained, "load").rows["load"] == sum(each.rows for each in done)


def test_load_refuses_an_incomplete_set(session, sharded, trained):
    predict(session, sharded, trained, 0, 2)
    with pytest.raises(RequestError, match="no predictions yet"):
        run_phase(session, sharded, trained, "load")


def test_the_next_attempt_may_have_another_number_of_tasks(session, sharded, trained):
    predict(session, sharded, trained, 0, 2)  # shards 0 and 2; task 1 was killed
    for index in range(5):
        predict(session, sharded, trained, index, 5)
    assert [len(manifest.shards) for manifest in sets(session, sharded, trained)] == [SHARDS, SHARDS]


@pytest.mark.long
def test_tasks_at_once_and_twice_make_one_set(session, connect, sharded, trained):
    jobs = [0, 1, 2, 1, 0]
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda index: predict(connect(session.target), sharded, trained, index, 3), jobs))
    found = sets(session, sharded, trained)
    assert [len(manifest.shards) for manifest in found] == [SHARDS, SHARDS]
    again = next(DAYS)
    whole = run_job(session, sharded, again)
    assert len(whole.models) == len(found)


def test_tasks_make_the_files_that_one_process_makes(session, sharded, trained):
    for index in range(2):
        predict(session, sharded, trained, index, 2)
    shared = sets(session, sharded, trained)
    run = join_run(session, sharded, trained)
    alone = run_job(session, sharded, trained, rerun=True)
    rerun = join_run(session, sharded, trained)
    assert run.run_id != rerun.run_id == alone.run_id
    assert [[file.sha256 for file in each.shards] for each in shared] == [
        [file.sha256 for file in each.shards] for each in committed_manifests(rerun)
    ]
