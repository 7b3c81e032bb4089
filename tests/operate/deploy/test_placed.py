"""A run whose files the bucket's lifecycle has deleted, and the same command afterwards."""

from __future__ import annotations

from datetime import date

from pipeline.operate.deploy.deployment import Deployment
from pipeline.operate.deploy.placed import lifecycle
from pipeline.phases.run import run_job
from tests.operate.deploy.golden_files import IMAGE

DAY = date(2013, 7, 1)


def test_a_run_stays_done_after_its_files_were_deleted(fresh_session, quick_job):
    run_job(fresh_session, quick_job, DAY)
    store = fresh_session.store
    rules = lifecycle(Deployment(quick_job, fresh_session.target, "targets/t.yaml", IMAGE))["lifecycle"]["rule"]
    for condition in (rule["condition"] for rule in rules):
        (prefix,), endings = condition["matchesPrefix"], condition.get("matchesSuffix", [""])
        for item in store.list(f"gs://{fresh_session.target.bucket}/{prefix}"):
            if item.uri.endswith(tuple(endings)):
                assert store.delete(item)
    assert [
        item.uri for item in store.list(store.uri(quick_job.name, "predictions", "")) if item.uri.endswith(".jsonl")
    ] == []
    assert run_job(fresh_session, quick_job, DAY).status == "already_done"
