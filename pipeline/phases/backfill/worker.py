"""A worker process of a backfill: it works on run dates in a session of its own and sends its lines to its parent."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from pipeline.base.progress import WARNING, LineReporter, LineStream, Reporter
from pipeline.cloud.bigquery.billing_labels import label_from_here
from pipeline.errors import PipelineError, loggable, quoted
from pipeline.phases.run import make_predictions
from pipeline.phases.summary import Summary
from pipeline.project.project import Job, Project
from pipeline.project.target import Target
from pipeline.runs.session import Session

LONGEST = 4000
"""Bytes of a line. A pipe takes less than PIPE_BUF (4096 bytes) whole or not at all, without a lock that a killed
process would keep."""

END = b""
"""The last message: the parent sends it to its own thread."""

_sessions: list[Session] = []
"""The session of this process, for all its run dates."""


@dataclass(frozen=True)
class Work:
    """Options of a backfill that hold for each run date.

    Parameters
    ----------
    rerun
        Claim a new generation, even if the run date is done.
    max_reject_rate
        Largest share of a model's predictions, from 0 to 1, that may be rejected.
    gate
        Whether the gate judges. Then each date is published after the verdicts of the dates before it, because a
        promotion holds from the day after the last published run date.
    """

    rerun: bool = False
    max_reject_rate: float = 0.0
    gate: bool = False


@contextmanager
def listening(reporter: Reporter) -> Iterator[Connection]:
    """Yield a connection for the lines of other processes; a thread reports them until the end of the block."""
    receiver, sender = Pipe(duplex=False)
    thread = Thread(target=_report_lines, args=(receiver, reporter), name="backfill-lines", daemon=True)
    thread.start()
    try:
        yield sender
    finally:
        sender.send_bytes(END)
        thread.join()
        sender.close()
        receiver.close()


def _report_lines(receiver: Connection, reporter: Reporter) -> None:
    while line := receiver.recv_bytes():
        text = line.decode(errors="replace")
        with suppress(OSError):  # stderr is closed; reading goes on, because the senders would wait otherwise
            if text.startswith(WARNING):
                reporter.warn(text.removeprefix(WARNING))
            else:
                reporter.say(text)


def sender_of(lines: Connection) -> Callable[[str], None]:
    """Return a function that sends a line; it skips empty lines and cuts long ones after removing values of rows."""

    def send(text: str) -> None:
        line = text.encode()
        if len(line) > LONGEST:  # a cut could remove the end mark of a quotation, which keeps its value out of logs
            line = loggable(text).encode()[:LONGEST]
        if line.strip():
            lines.send_bytes(line)

    return send


def printed_lines(send: Callable[[str], None]) -> LineStream:
    """Return a text stream that sends each printed line, marked as not for logs because it may hold values of rows."""
    return LineStream(lambda line: send(quoted(line, "[a line that a process printed is not logged]")))


def begin(root: Path, target: Target, labels: Mapping[str, str], lines: Connection) -> None:
    """Prepare a new process: open its session, send its lines to the parent, and end in an orderly way on SIGTERM.

    Parameters
    ----------
    root
        Folder of the project.
    labels
        Billing labels of the parent's BigQuery jobs, which this process's jobs get too.
    lines
        Connection to the parent.
    """
    signal.signal(signal.SIGTERM, _end)
    label_from_here(**labels)
    send = sender_of(lines)
    sys.stdout = sys.stderr = printed_lines(send)  # the parent owns both
    os.dup2(2, 1)  # output of compiled code must not mix with the parent's JSON
    _sessions.append(Session.open(Project.open(root), target, LineReporter(send)))


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would interrupt the clean-up
    sys.exit(128 + signal.SIGTERM)


def work_on(job: Job, run_date: date, work: Work) -> Summary:
    """Make the predictions of a run date in this process; other errors than our own are sent back as text.

    Raises
    ------
    RuntimeError
        A bug, with the class and the message of its error, which may not be picklable.
    """
    try:
        return predictions_of(_sessions[0], job, run_date, work)
    except (PipelineError, OSError):
        raise
    except SystemExit as error:  # as a result it would end the parent; here it ends this process, after its clean-up
        os._exit(error.code if isinstance(error.code, int) and error.code else 1)
    except Exception as error:
        raise RuntimeError(f"{job.name} {run_date}: {type(error).__name__}: {error}") from error


def predictions_of(session: Session, job: Job, run_date: date, work: Work) -> Summary:
    """Carry out the phases of a run date that do not depend on other run dates."""
    rate = work.max_reject_rate
    return make_predictions(session, job, run_date, rerun=work.rerun, max_reject_rate=rate, publish=not work.gate)
