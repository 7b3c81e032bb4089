"""Lines of several processes, said by one: whole, in turn, and above its bar."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from pipeline.base.progress import WARNING, Lines, LineStream, Reporter, WithoutBars
from pipeline.cloud.bigquery.labels import label_from_here
from pipeline.errors import PipelineError, loggable, quoted
from pipeline.phases.run import make_predictions
from pipeline.phases.summary import Summary
from pipeline.project.project import Job, Project
from pipeline.project.target import Target
from pipeline.runs.session import Session

LONGEST = 4000
"""Bytes of a line. What is shorter than PIPE_BUF (4096) is written whole or not at all, without a lock that a process
that is killed would keep."""


END = b""
"""The last message: said by nobody, sent by the one who listens."""


@contextmanager
def listening(reporter: Reporter) -> Iterator[Connection]:
    """Yield what other processes send lines to; each line is told until the end of the block."""
    receiver, sender = Pipe(duplex=False)
    thread = Thread(target=_tell_all, args=(receiver, reporter), name="backfill-lines", daemon=True)
    thread.start()
    try:
        yield sender
    finally:
        sender.send_bytes(END)
        thread.join()
        sender.close()
        receiver.close()


def _tell_all(receiver: Connection, reporter: Reporter) -> None:
    while line := receiver.recv_bytes():
        with suppress(OSError):  # whoever read stderr is gone; the lines are taken all the same, or the senders wait
            _tell(reporter, line.decode(errors="replace"))


def _tell(reporter: Reporter, text: str) -> None:
    if text.startswith(WARNING):
        reporter.warn(text.removeprefix(WARNING))
    else:
        reporter.say(text)


def sender_of(lines: Connection) -> Callable[[str], None]:
    """Return what sends a line; empty ones are left out, and of long ones what may hold values of rows."""

    def send(text: str) -> None:
        line = text.encode()
        if len(line) > LONGEST:  # the cut may lie within a quotation, whose end is what keeps it out of logs
            line = loggable(text).encode()[:LONGEST]
        if line.strip():
            lines.send_bytes(line)

    return send


class Speaker(LineStream):
    """A text stream that sends whole lines, for what code prints and warns of: nobody knows what they hold."""

    def __init__(self, send: Callable[[str], None]) -> None:
        super().__init__(lambda line: send(quoted(line, "[a line that a process printed is not logged]")))


def speak_through(send: Callable[[str], None]) -> None:
    """Send what this process prints from now on as lines: its parent owns stdout and stderr."""
    sys.stdout = sys.stderr = Speaker(send)


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
