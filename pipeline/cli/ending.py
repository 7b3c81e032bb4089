"""Where a command says what it does: to people on stderr, or as entries of Cloud Logging where Cloud Run runs it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.base.progress import Reporter
    from pipeline.cli.cloud_run.log import CloudLog


_current: list[CloudLog] = []
"""The log of this process, if Cloud Run runs it."""


def begin() -> None:
    """Look whether Cloud Run runs this process; if so, what it and its libraries say becomes entries of one log."""
    from pipeline.cli.cloud_run.execution import Execution

    if _current:
        _give_back()
    execution = Execution.of(os.environ)
    if execution is None:
        return
    from pipeline.cli.cloud_run.log import CloudLog, take_over

    log = CloudLog(execution)
    _current.append(log)
    take_over(log)


def _give_back() -> None:
    from pipeline.cli.cloud_run.log import give_back

    _current.clear()
    give_back()


def cloud_log() -> CloudLog | None:
    """Return the log of this process; None where people read what it says."""
    return _current[0] if _current else None


def last_words(error: PipelineError, exit_code: int) -> str:
    """Return the line with which a process ends that cannot end as it should."""
    log = cloud_log()
    return f"error: {error}\n" if log is None else log.failure(error, exit_code)


def reporter() -> Reporter:
    """Return who tells what happens."""
    from pipeline.base.progress import Reporter

    log = cloud_log()
    if log is None:
        return Reporter()
    from pipeline.cli.cloud_run.log import LogReporter

    return LogReporter(log)


SECONDS = 7.0
"""Seconds after which the process ends whatever it does. What it leaves then is what any killed attempt leaves."""


EXIT_CODE = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM came: what has to be put away is put away, as after Ctrl-C."""


def end_on_sigterm(seconds: float = SECONDS) -> None:
    """From now on SIGTERM unwinds the main thread, and ends the process where that takes longer.

    Python calls a handler between two of its own instructions only. A thread that is woken by the signal itself counts
    the seconds, while the main one may be in a long fit or wait for an answer.
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
    with woken, wakes:  # the signal's end lives as long as the thread
        while signal.SIGTERM not in woken.recv(1):
            pass
        time.sleep(seconds)
    ended = PipelineError(f"ended {seconds:.0f} s after SIGTERM", hint="run the same command again to go on")
    os.write(2, last_words(ended, EXIT_CODE).encode())
    os._exit(EXIT_CODE)
