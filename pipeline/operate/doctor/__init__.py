"""Checks of a machine, a project and a target: a line for each, with what to do about it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.operate.doctor import google, machine, permissions, places
from pipeline.operate.doctor.needs import Account
from pipeline.operate.doctor.project import check_project
from pipeline.operate.doctor.result import (
    APIS,
    CREDENTIALS,
    ERROR,
    OK,
    RIGHTS,
    CheckResult,
    Surroundings,
    failed,
    result_of,
)
from pipeline.project.project import Project
from pipeline.project.target import Target
from pipeline.runs.session import Session

CLOUD = Surroundings()

RUN_CODE = ("", "preprocess", "train", "predict")
"""Phases whose accounts run code of jobs; an operator, who has no phase, runs everything."""


def diagnose(
    root: Path,
    open_target: Callable[[], Target],
    surroundings: Surroundings = CLOUD,
    *,
    job: str = "",
    phase: str = "",
    version: str = "",
) -> Iterator[CheckResult]:
    """Check Python, packages, project and target, one after the other; nothing is made or changed.

    Parameters
    ----------
    root
        Folder of the project.
    open_target
        Returns the target, or raises a `PipelineError`, which becomes a result.
    job
        The only job to check, with its sources; all when empty, without their sources.
    phase
        The phase, or `setup`, whose account is checked; empty for an operator, who runs everything.
    version
        Python's version; that of this process when empty.
    """
    yield result_of("python", machine.check_python, version or platform.python_version())
    results, jobs = check_project(root, job, runs_code=phase in RUN_CODE)
    yield from results
    try:
        target = open_target()
    except PipelineError as error:
        yield failed("target", error)
        return
    yield CheckResult("target", OK, f"project {target.project}, location {target.location}")
    packages = result_of("packages", machine.check_packages, root, surroundings.requirements)
    yield packages
    if packages.state != ERROR:  # without its packages nothing can ask BigQuery
        account = Account(Session.open(Project(root), target), jobs, phase)
        yield from _check_target(account, surroundings, looks_at_sources=bool(job and not phase))


def _check_target(account: Account, surroundings: Surroundings, *, looks_at_sources: bool) -> Iterator[CheckResult]:
    """Check a target; without credentials or APIs the other checks would only fail."""
    note = surroundings.note_on(CREDENTIALS)
    credentials, address = (note, "") if note else google.check_account(account)
    yield credentials
    if credentials.state == ERROR:
        return
    apis = surroundings.results_of(APIS, lambda: google.check_apis(account))
    yield from apis
    if any(result.state == ERROR for result in apis):
        return
    yield result_of("clock", machine.check_clock, account.session)
    yield from places.check_places(account, surroundings)
    named = replace(account, address=address)
    yield from surroundings.results_of(RIGHTS, lambda: permissions.check_permissions(named))
    if looks_at_sources:
        yield from places.check_sources(account)
