"""Fixtures of the tests of guards: a session behind a proxy, short timeouts, and jobs with unique names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from uuid import uuid4

import pytest

from pipeline.cloud import retries
from pipeline.project.project import Job
from pipeline.project.target import Target
from pipeline.runs.session import Session
from tests.faults import proxy as proxies
from tests.faults.faults import Plan, Strike
from tests.faults.proxy import Proxy
from tests.support.changed_variants import job_with_prior

HANG_SECONDS, CALL_SECONDS, DEADLINE = 3.0, 0.8, 3.0
"""Seconds: silence of a server that hangs, timeout of a call, deadline of retries."""

CALLERS = (
    *("retries", "storage.store", "storage.objects"),
    *("bigquery.clients", "bigquery.submission", "bigquery.warehouse"),
)
"""Modules of `pipeline.cloud` with the timeout of a call."""

Through = Callable[..., tuple[Session, Plan]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-guards", action="store_true", help="switch off every guard in turn, not only a few")


@pytest.fixture
def through(connect: Callable[[Target], Session], monkeypatch: pytest.MonkeyPatch) -> Iterator[Through]:
    """Return a function that opens a session again through a proxy with faults: strikes -> session, plan.

    A test uses one proxy with a new plan each time, because closing a proxy takes longer than most calls.
    """
    opened: list[Proxy] = []
    monkeypatch.setattr(proxies, "HANG_SECONDS", HANG_SECONDS)

    def open_through(session: Session, *strikes: Strike) -> tuple[Session, Plan]:
        assert session.target.endpoints
        plan = Plan(strikes)
        if not opened:
            opened.append(Proxy(session.target.endpoints, plan, os.getpid))
        opened[0].plan = plan
        return connect(session.target.model_copy(update={"endpoints": opened[0].endpoints})), plan

    yield open_through
    for proxy in opened:
        proxy.close()


@pytest.fixture
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry calls at once; other tests check the length of the pauses."""
    patient = retries.Retry
    monkeypatch.setattr(retries, "Retry", lambda **options: patient(**options | {"initial": 0.01, "maximum": 0.1}))


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch, quick_pauses: None) -> None:
    """Set timeouts and deadlines that are shorter than in production."""
    for name in CALLERS:
        module = import_module(f"pipeline.cloud.{name}")
        for constant in ("CALL_TIMEOUT", "TRANSFER_TIMEOUT"):
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, CALL_SECONDS)
    monkeypatch.setattr(retries, "TRANSIENT_DEADLINE", DEADLINE)


@pytest.fixture
def own(job: Job) -> Job:
    """Return a job with a unique name, one variant and one shard, over the sources that a module shares."""
    return job_with_prior(replace(job, name=f"j{uuid4().hex[:8]}"), 20.0)
