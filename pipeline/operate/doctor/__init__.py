"""Whether a machine and a target are fit for a pipeline: a line for each check, with what to do about it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.operate.doctor import google, machine, permissions, places
from pipeline.operate.doctor.finding import ERROR, Finding, found, verdict, worst
from pipeline.operate.doctor.project import look_at_project
from pipeline.operate.doctor.subject import APIS, CREDENTIALS, RIGHTS, Subject, Surroundings
from pipeline.project.project import Job, Project
from pipeline.project.target import Target
from pipeline.runs.session import Session

__all__ = ["CLOUD", "Finding", "Patient", "Surroundings", "diagnose", "verdict", "worst"]


CLOUD = Surroundings()


RUN_CODE = ("", "preprocess", "train", "predict")
"""Whose accounts run code of jobs; an operator runs everything."""


@dataclass(frozen=True)
class Patient:
    """What is to be looked at.

    Parameters
    ----------
    root
        Folder of the project.
    open_target
        Returns the target; it may fail.
    job
        The only job; all when empty.
    phase
        The phase, or `setup`, whose account's needs are looked at; empty for an operator's, who runs everything.
    """

    root: Path
    open_target: Callable[[], Target]
    job: str = ""
    phase: str = ""


def diagnose(patient: Patient, surroundings: Surroundings = CLOUD, *, version: str = "") -> Iterator[Finding]:
    """Look at Python, packages, project and target, one after the other; nothing is made or changed.

    Parameters
    ----------
    version
        Python's version; this one's when not given.
    """
    yield found("python", machine.python, version or platform.python_version())
    jobs: list[Job] = []
    yield from look_at_project(patient.root, patient.job, jobs, runs_code=patient.phase in RUN_CODE)
    targets: list[Target] = []
    yield found("target", _open, patient.open_target, targets)
    for target in targets:
        installed = found("packages", machine.packages, patient.root, surroundings.requirements)
        yield installed
        if installed.state != ERROR:  # without its packages nothing can look at BigQuery
            session = Session.open(Project(patient.root), target)
            yield from _target(Subject(session, jobs, patient.phase), surroundings)


def _open(open_target: Callable[[], Target], targets: list[Target]) -> str:
    targets.append(open_target())
    return f"project {targets[0].project}, location {targets[0].location}"


def _target(subject: Subject, surroundings: Surroundings) -> Iterator[Finding]:
    """Look at a target; without credentials or APIs there is nothing more to learn."""
    names: list[str] = []
    for concern, look in (
        (CREDENTIALS, lambda: google.look_at_account(subject, names)),
        (APIS, lambda: google.look_at_apis(subject)),
    ):
        findings = [*surroundings.where_known(concern, look)]
        yield from findings
        if any(finding.state == ERROR for finding in findings):
            return
    yield found("clock", machine.clock, subject.session)
    yield from places.look_at_places(subject, surroundings)
    named = replace(subject, account="".join(names))
    yield from surroundings.where_known(RIGHTS, lambda: permissions.look_at_permissions(named))
