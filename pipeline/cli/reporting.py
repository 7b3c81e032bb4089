"""Where a command says what it does: to people on stderr, or as entries of Cloud Logging where Cloud Run runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cloud_run.log import CloudLog
    from pipeline.errors import PipelineError
    from pipeline.progress import Reporter

_current: list[CloudLog] = []
"""The log of this process, if Cloud Run runs it."""


def begin() -> None:
    """Look whether Cloud Run runs this process; if so, what it and its libraries say becomes entries of one log."""
    from pipeline.cloud_run import Execution

    if _current:
        _give_back()
    execution = Execution.of(os.environ)
    if execution is None:
        return
    from pipeline.cloud_run.log import CloudLog
    from pipeline.cloud_run.process import take_over

    log = CloudLog(execution)
    _current.append(log)
    take_over(log)


def _give_back() -> None:
    from pipeline.cloud_run.process import give_back

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
    from pipeline.progress import Reporter

    log = cloud_log()
    if log is None:
        return Reporter()
    from pipeline.cloud_run.log import LogReporter

    return LogReporter(log)
