"""How a command reports and ends: stdout for results, stderr for people or entries of Cloud Logging, and SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, TextIO

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.base.progress import Reporter
    from pipeline.cli.cloud_run.log import CloudLog

EXIT_CODE = 128 + signal.SIGTERM

SECONDS = 7.0
"""Seconds after SIGTERM after which the process ends in any case, and leaves what a killed attempt leaves."""

_verbose: list[bool] = [False]
"""Whether this command was called with --verbose."""

_current: list[CloudLog] = []
"""The log of this process, if Cloud Run runs it."""

_results: list[TextIO] = []
"""The stdout that this process began with, once results have it for themselves."""


def keep_stdout_for_results() -> None:
    """Give stdout to `print_result` alone, until the process ends.

    Everything else that is printed goes to stderr: by code of a job, by its child processes, by compiled code that
    writes to descriptor 1. The results of `--json` are read by programs. In Cloud Run stdout is the log.
    """
    from pipeline.cli.cloud_run.execution import Execution

    if _results or Execution.of(os.environ) is not None:
        return
    try:
        sys.stdout.flush()
        _results.append(os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors))
    except (AttributeError, OSError):  # there is no stdout
        return
    try:
        os.dup2(2, 1)
    except OSError:  # there is no stderr
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def print_result(text: str) -> None:
    """Write a line to stdout.

    Raises
    ------
    BrokenPipeError
        The reader of stdout is gone.
    """
    import typer

    stream = _results[0] if _results else None
    try:
        typer.echo(text, file=stream)
    except BrokenPipeError:
        if stream:  # the rest of the line is dropped; otherwise the end of the process would fail on it again
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise


def begin() -> None:
    """Start to log to Cloud Logging if Cloud Run runs this process.

    Everything that the process and its libraries write then becomes entries of one log.
    """
    from pipeline.cli.cloud_run.execution import Execution

    if _current:
        from pipeline.cli.cloud_run.log import give_back

        _current.clear()
        give_back()
    execution = Execution.of(os.environ)
    if execution is None:
        return
    from pipeline.cli.cloud_run.log import CloudLog, take_over

    log = CloudLog(execution)
    _current.append(log)
    take_over(log)


def be_verbose(verbose: bool) -> None:
    """Show tracebacks of errors that do not end the command, or do not show them."""
    _verbose[0] = verbose


def cloud_log() -> CloudLog | None:
    """Return the log of this process; None outside of Cloud Run, where people read its output."""
    return _current[0] if _current else None


def reporter() -> Reporter:
    """Return a reporter that writes to the log of this process, or to stderr."""
    log = cloud_log()
    if log is None:
        for_people = _reporter_for_people()
        for_people.verbose = _verbose[0]
        return for_people
    from pipeline.cli.cloud_run.log import log_reporter

    return log_reporter(log)


@cache
def _reporter_for_people() -> Reporter:
    """Return the one reporter of this process: the bars of two would overwrite each other."""
    from pipeline.base.progress import Reporter

    return Reporter()


class Terminated(BaseException):
    """SIGTERM came: the main thread unwinds and cleans up, as after Ctrl-C."""


def end_on_sigterm(seconds: float = SECONDS) -> None:
    """Make SIGTERM unwind the main thread, and end the process if that takes longer than `seconds`.

    Python calls a signal handler only between two of its own instructions, so a long fit or a pending answer delays it.
    Therefore a thread that the signal itself wakes counts the seconds.
    """
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_count, args=(woken, wakes, seconds), daemon=True, name="sigterm").start()
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _count(woken: socket.socket, wakes: socket.socket, seconds: float) -> None:
    with woken, wakes:  # the signal's end must live as long as the thread
        while signal.SIGTERM not in woken.recv(1):
            pass
        time.sleep(seconds)
    ended = PipelineError(f"ended {seconds:.0f} s after SIGTERM", hint="run the same command again to resume")
    log = cloud_log()
    line = f"error: {ended}\n" if log is None else log.failure(ended, EXIT_CODE)
    os.write(2, line.encode())  # not by the stream, which the main thread may hold
    os._exit(EXIT_CODE)
