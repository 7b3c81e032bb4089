from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RequestError
from pipeline.phases.task import ALONE, Task


def environment(index="0", count="1", attempt="0"):
    return {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count, "CLOUD_RUN_TASK_ATTEMPT": attempt}


def test_outside_of_cloud_run_there_is_one_task():
    assert Task.of({"PATH": "x"}) == ALONE == Task(0, 1, 0)


def test_a_task_is_read_from_cloud_runs_variables():
    assert Task.of(environment("3", "10", "2")) == Task(3, 10, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        environment("4", "4"),
        environment("-1"),
        environment(count="x"),
        environment(count="0"),
        environment("٣", "9"),
        environment("9" * 5000),
    ],
)
def test_other_values_of_the_variables_are_refused(wrong):
    with pytest.raises(RequestError, match="CLOUD_RUN_TASK_"):
        Task.of(wrong)


@given(st.integers(1, 50), st.integers(0, 60))
def test_every_shard_has_one_task(count, shards):
    shares = [Task(index, count).share(range(shards)) for index in range(count)]
    assert sorted(shard for share in shares for shard in share) == list(range(shards))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
