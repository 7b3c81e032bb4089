"""Processes to kill: the phases of the flight-delay job on the tiny data."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

from rich.console import Console

import jobs.flight_delay.model  # noqa: F401 - here and not in each fork
from jobs.flight_delay.baselines import ConstantRate
from pipeline.base.progress import Reporter
from pipeline.errors import PipelineError
from pipeline.phases.run import evaluate_matured, run_job, run_phase
from pipeline.project.project import Job, Project
from pipeline.project.target import Target
from pipeline.runs.session import Session
from tests.support.integration_fixtures import ROOT, quick

DAY = date(2013, 7, 5)
Step = Callable[[Session, Job], object]


def run(session: Session, job: Job) -> None:
    """Run a run date."""
    run_job(session, job, DAY)


def evaluate(session: Session, job: Job) -> None:
    """Evaluate the run date when its labels are known."""
    evaluate_matured(session, job, DAY + timedelta(days=job.spec.labels.delay_days))


def rerun(session: Session, job: Job) -> None:
    """Publish the run date again, as a new generation."""
    run_job(session, job, DAY, rerun=True)


LIFE: tuple[Step, ...] = (run, evaluate)
"""All steps of a run date."""


def run_without_baseline(session: Session, job: Job) -> None:
    """Run a run date while the baseline's `predict` fails."""
    ConstantRate.predict = _fail  # type: ignore[method-assign] - of this forked process
    summary = run_job(session, job, DAY)
    if [failure.phase for failure in summary.failed] != ["predict"]:
        raise RuntimeError(f"the baseline did not fail: {summary.failed}")


def _fail(*_: object) -> NoReturn:
    raise ValueError("no prediction")


WITHOUT_BASELINE: tuple[Step, ...] = (run_without_baseline, evaluate)
"""All steps of a run date that has no predictions of the baseline."""


def one_phase(session: Session, job: Job, *, phase: str) -> None:
    """Run a phase of the run date."""
    run_phase(session, job, DAY, phase)


PHASES: tuple[Step, ...] = tuple(
    partial(one_phase, phase=phase) for phase in ("preprocess", "train", "predict", "load")
)


def session_at(target: Target) -> Session:
    """Open the project at a target, without messages."""
    return Session.open(Project.open(ROOT), target, Reporter(Console(quiet=True)))


def tiny_job(session: Session) -> Job:
    """Return the job with one variant, one baseline and two shards."""
    return quick(session.project.job("flight_delay"))


def fork(target: Target, steps: Sequence[Step], log: Path, go: int | None = None) -> int:
    """Run steps in a forked process and return its id.

    Parameters
    ----------
    log
        File of the output of the process.
    go
        File descriptor; the process waits for a byte there before it starts.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulthandler.enable()
        if go is not None:
            os.read(go, 1)
        code = _carry_out(target, steps)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _carry_out(target: Target, steps: Sequence[Step]) -> int:
    try:
        session = session_at(target)
        for step in steps:
            step(session, tiny_job(session))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BaseException:  # noqa: BLE001 - a bug: the traceback and the exit code report it
        traceback.print_exc()
        return 1
    return 0


def wait(pid: int, seconds: float) -> int:
    """Return the exit code of a process, or the negative number of its signal; after `seconds` it is killed: -9."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
