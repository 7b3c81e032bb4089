"""A process of a backfill: it has a session of its own, and makes the predictions of one run date after the other."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.job_labels import label_from_here
from pipeline.phases.backfill.relay import sender_of, speak_through
from pipeline.phases.run import make_predictions
from pipeline.progress import Lines, WithoutBars
from pipeline.project import Job, Project
from pipeline.session import Session
from pipeline.summary import Summary
from pipeline.target import Target


@dataclass(frozen=True)
class Work:
    """What is asked for each run date.

    Parameters
    ----------
    gate
        Whether the gate judges. Then nothing is published ahead of it: a promotion holds from the day after the last
        published run date.
    """

    rerun: bool = False
    max_reject_rate: float = 0.0
    gate: bool = False


@dataclass(frozen=True)
class Place:
    """Where a process works: what it needs to open a session of its own."""

    root: Path
    target: Target


_sessions: list[Session] = []
"""The session of this process, for all its run dates."""


def begin(place: Place, labels: Mapping[str, str], lines: Connection) -> None:
    """Prepare a new process: what it says goes to its parent, and SIGTERM ends it as it ends a command.

    Parameters
    ----------
    labels
        What the jobs that it sends carry, as those of its parent do.
    """
    signal.signal(signal.SIGTERM, _end)
    label_from_here(**labels)
    send = sender_of(lines)
    speak_through(send)
    os.dup2(2, 1)  # what compiled code prints must not stand in the parent's JSON
    _sessions.append(Session.open(Project.open(place.root), place.target, Lines(send)))


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # said twice it would end what puts things away
    sys.exit(128 + signal.SIGTERM)


def work_on(job: Job, run_date: date, work: Work) -> Summary:
    """Make the predictions of a run date in this process; what is no error of ours is sent back as text."""
    try:
        return predictions_of(_sessions[0], job, run_date, work)
    except (PipelineError, OSError):
        raise
    except SystemExit as error:  # as a result it would end the parent; the process ends, and what it held is put away
        os._exit(error.code if isinstance(error.code, int) and error.code else 1)
    except Exception as error:
        raise RuntimeError(f"{job.name} {run_date}: {type(error).__name__}: {error}") from error


def predictions_of(session: Session, job: Job, run_date: date, work: Work) -> Summary:
    """Carry out for a run date what needs no other one."""
    rate = work.max_reject_rate
    return make_predictions(session, job, run_date, rerun=work.rerun, max_reject_rate=rate, publish=not work.gate)


def without_bars(session: Session) -> Session:
    """Return a session that says what this one does, and shows no bars: the backfill has its own."""
    return replace(session, reporter=WithoutBars(session.reporter))
