"""Updates that collide: the layer by itself, and at the running emulator through Google's client."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest
from google.api_core.exceptions import BadRequest

from pipeline.cloud.bigquery.submission import run_once
from pipeline.cloud.retries import is_transient
from pipeline.emulators.concurrent_dml import ConcurrentDml, changed_table

MERGE = """
    MERGE t USING (SELECT 1 AS a) ON FALSE
    WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (a) VALUES (a)
"""
ROUNDS = 30


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("MERGE `q.d.t` AS t USING s ON FALSE WHEN NOT MATCHED THEN INSERT (a) VALUES (1)", "q:d.t"),
        ("-- why\nMERGE INTO q.d.t USING s ON FALSE WHEN MATCHED THEN DELETE", "q:d.t"),
        ("UPDATE `q`.`d`.`t` AS t SET a = s.a FROM d.s WHERE TRUE", "q:d.t"),
        ("update q-r.d.t set a = 1 where true", "q-r:d.t"),
        ("DELETE FROM d.t WHERE a IN (SELECT a FROM d.s)", "p:d.t"),
        ("DELETE d.t WHERE a = @a", "p:d.t"),
        ("INSERT INTO d.t (a) VALUES (1)", None),
        ("SELECT * FROM d.t", None),
        ("CREATE OR REPLACE TABLE d.t AS SELECT 1 AS a", None),
        ("UPDAT d.t SET a = 1", None),
        ("DELETE FROM d.t WHERE a = '", None),
    ],
)
def test_table_that_a_statement_changes(sql, table):
    assert changed_table(sql, "p") == table


def outcomes_at_once(*statements, fails=""):
    """Run statements at the same time by a function that fails for one of them; return what became of each."""

    async def execute(_project, _job_id, sql):
        if sql == fails:
            raise ValueError("no such column")
        return "ran"

    async def run_all():
        dml = ConcurrentDml(execute)
        return await asyncio.gather(*(dml.execute("p", "id", sql) for sql in statements), return_exceptions=True)

    return [outcome if isinstance(outcome, str) else str(outcome) for outcome in asyncio.run(run_all())]


LOST = "Could not serialize access to table p:d.t due to concurrent update"


def test_one_of_concurrent_updates_succeeds():
    statements = ("UPDATE d.t SET a = 1 WHERE TRUE", "DELETE FROM p.d.t WHERE TRUE", "DELETE FROM d.t WHERE a = 1")
    assert outcomes_at_once(*statements) == ["ran", LOST, LOST]


@pytest.mark.parametrize("other", ["INSERT INTO d.t (a) VALUES (1)", "DELETE FROM d.s WHERE TRUE", "SELECT 1"])
def test_inserts_and_other_tables_never_collide(other):
    assert outcomes_at_once("DELETE FROM d.t WHERE TRUE", other) == ["ran", "ran"]
    assert outcomes_at_once(other, "DELETE FROM d.t WHERE TRUE") == ["ran", "ran"]


def test_failed_update_blocks_no_other():
    first, second = "UPDATE d.t SET b = 1 WHERE TRUE", "DELETE FROM d.t WHERE TRUE"
    assert outcomes_at_once(first, second, fails=first) == ["no such column", "ran"]


def test_updates_one_after_the_other_both_run(run, rows):
    run("CREATE TABLE t AS SELECT 0 AS a").result(timeout=10)
    for _ in range(2):
        run(MERGE).result(timeout=10)
    assert rows() == [(1,)]


@pytest.fixture
def collide():
    """Do two things at the same time, again until `seen` says that they collided; return what the two returned."""

    def again(work, seen):
        def meet(barrier, number):
            barrier.wait(timeout=10)
            return work(number)

        with ThreadPoolExecutor(2) as pool:
            for _ in range(ROUNDS):
                outcomes = list(pool.map(meet, [Barrier(2, timeout=10)] * 2, range(2)))
                if seen(outcomes):
                    return outcomes
        pytest.fail(f"two statements that were sent at once met in none of {ROUNDS} rounds")

    return again


def test_second_of_two_concurrent_merges_fails_as_in_bigquery(client, dataset, run, rows, collide):
    run("CREATE TABLE t AS SELECT 0 AS a").result(timeout=10)

    def merge(_):
        job = run(MERGE)
        return job.exception(timeout=10), client.get_job(job.job_id, timeout=10)

    outcomes = collide(merge, lambda found: any(error for error, _ in found))
    ((error, job),) = [(error, job) for error, job in outcomes if error]
    message = f"Could not serialize access to table pipeline-local:{dataset}.t due to concurrent update"
    assert job.state == "DONE"
    assert (job.error_result["reason"], job.error_result["message"]) == ("invalidQuery", message)
    assert isinstance(error, BadRequest)
    assert is_transient(error)
    assert rows() == [(1,)]


def test_failed_concurrent_jobs_query_is_an_error(client, dataset, run, collide):
    run("CREATE TABLE t AS SELECT 0 AS a").result(timeout=10)

    def delete(_):
        try:
            client.query_and_wait(f"DELETE FROM {dataset}.t WHERE TRUE", wait_timeout=10, retry=None, job_retry=None)
        except BadRequest as error:
            return error
        return None

    (error,) = filter(None, collide(delete, any))
    assert is_transient(error)
    assert f"Could not serialize access to table pipeline-local:{dataset}.t due to" in error.message


def test_both_succeed_when_the_failed_one_is_sent_again(client, run, rows, collide):
    run("CREATE TABLE t AS SELECT 0 AS a").result(timeout=10)

    def add(_):
        stem = f"add-{uuid4().hex}"
        submit = partial(run, "UPDATE t SET a = a + 1 WHERE TRUE")
        return run_once(client, stem, submit, lambda: True, deadline=60.0).job_id.removeprefix(stem)

    added = []

    def one_was_sent_again(attempts):
        added.extend(attempts)
        return "-a2" in attempts

    collide(add, one_was_sent_again)
    assert rows() == [(len(added),)]
