"""Entries of Cloud Logging: one JSON object per line on stderr, without any value of a row."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO

from pipeline.base.progress import LineReporter, LineStream
from pipeline.cli.cloud_run.execution import Execution
from pipeline.errors import PipelineError, loggable

INFO, WARNING, ERROR, CRITICAL = "INFO", "WARNING", "ERROR", "CRITICAL"

KEYS = "logging.googleapis.com"
"""Prefix of the keys that Cloud Logging reads: https://cloud.google.com/logging/docs/structured-logging"""

NOT_LOGGED = "[message not logged]"

ROWLESS = ("google", "urllib3")
"""Libraries that log addresses and states of connections, and never a row."""

PLACES = {
    "Exception ignored while calling deallocator": "in __del__",
    "Exception ignored in atexit callback": "in an atexit callback",
}
"""First words of Python's message about an error that it ignores -> where it was raised."""


class CloudLog:
    """Writes the log entries of one task of one execution.

    Parameters
    ----------
    execution
        The execution and task of this process.
    stream
        Where entries go, one line each. JSON escapes line ends, so no value can start an entry.
    """

    def __init__(self, execution: Execution, stream: TextIO | None = None) -> None:
        self._execution = execution
        self._stream = stream or sys.stderr
        task = execution.task
        self._labels = {"execution": execution.name, "task": str(task.index), "attempt": str(task.attempt)}
        self._project = ""

    def about(self, *, project: str = "", **labels: str) -> None:
        """Set the project, job, run and phase of all later entries."""
        self._project = project or self._project
        self._labels |= labels

    def write(self, severity: str, message: str, **fields: Any) -> None:
        """Write an entry, without the quoted values of its message."""
        self._put(self._line(severity, message, **fields))

    def fail(self, error: PipelineError, exit_code: int) -> None:
        """Write the entry of a command that ends with an error."""
        self._put(self.failure(error, exit_code))

    def failure(self, error: PipelineError, exit_code: int) -> str:
        """Return the line of that entry, for a caller that cannot use the stream."""
        severity = WARNING if exit_code > 128 else ERROR  # ended from outside: the next attempt continues
        return self._line(severity, f"error: {error.loggable}", exit_code=exit_code)

    def crash(self, error: BaseException) -> None:
        """Write the entry of a bug, with its traceback."""
        self.write(CRITICAL, traceback_of(error), exit_code=1)

    def _line(self, severity: str, message: str, **fields: Any) -> str:
        entry = {
            "severity": severity,
            "message": loggable(message),
            "time": datetime.now(UTC).isoformat(),
            f"{KEYS}/labels": dict(self._labels),
        }
        if self._project:  # one trace for all tasks and attempts of an execution, so that a night is read together
            digest = hashlib.sha256(self._execution.name.encode()).hexdigest()[:32]
            entry[f"{KEYS}/trace"] = f"projects/{self._project}/traces/{digest}"
        return json.dumps(entry | fields, default=str) + "\n"

    def _put(self, line: str) -> None:
        self._stream.write(line)
        self._stream.flush()


def traceback_of(error: BaseException) -> str:
    """Return the places and classes of an error and its causes, without messages that may hold values of rows."""
    parts, seen = list[str](), set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        message = f": {cause.loggable}" if isinstance(cause, PipelineError) else f" {NOT_LOGGED}"
        lines = traceback.format_tb(cause.__traceback__)
        name = f"{type(cause).__module__}.{type(cause).__qualname__}".removeprefix("builtins.")
        parts.append("".join(["Traceback (most recent call last):\n", *lines, f"{name}{message}"]))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n\nThe exception above came after this one:\n\n".join(parts)


def log_reporter(log: CloudLog) -> LineReporter:
    """Return a reporter that writes each line as an entry."""
    return LineReporter(partial(log.write, INFO), partial(log.write, WARNING), log.about)


class LogHandler(logging.Handler):
    """Writes the log records of libraries as entries; the message of a library that may log rows is left out."""

    def __init__(self, log: CloudLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write an entry."""
        severity = ERROR if record.levelno >= logging.ERROR else WARNING
        self._log.write(severity, f"{record.name}: {_message_of(record)}", source=f"{record.pathname}:{record.lineno}")


def _message_of(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] in ROWLESS:
        try:
            return record.getMessage()
        except Exception:  # noqa: BLE001 - its arguments do not match its format; logging must not fail the caller
            return NOT_LOGGED
    return NOT_LOGGED


class EntryStream(LineStream):
    """A text stream that writes each line as an entry, so that printed text can neither start nor split one.

    Parameters
    ----------
    log
        Where the entries go.
    beneath
        The stream that it replaces.
    """

    encoding = "utf-8"

    def __init__(self, log: CloudLog, beneath: TextIO) -> None:
        super().__init__(lambda line: log.write(INFO, line))
        self.beneath = beneath

    def fileno(self) -> int:
        """Return the descriptor that child processes write to."""
        return self.beneath.fileno()

    def flush(self) -> None:
        """Write an unfinished line too, because nothing may follow it."""
        begun, self._begun = self._begun, ""
        self._say(begun)


def take_over(log: CloudLog) -> None:
    """Turn everything that this process prints, logs or raises into entries of a log."""
    handler = LogHandler(log)
    logging.getLogger().addHandler(handler)
    logging.lastResort = handler  # Google's loggers pass nothing to the root logger
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    sys.stdout, sys.stderr = EntryStream(log, sys.stdout), EntryStream(log, sys.stderr)
    sys.unraisablehook = lambda args: _log_uncaught(log, args.exc_value, _place(args.err_msg))
    threading.excepthook = lambda args: _log_uncaught(log, args.exc_value, "in a thread")


def _log_uncaught(log: CloudLog, error: BaseException | None, where: str) -> None:
    """Write an error that no code could catch; the process continues."""
    log.write(ERROR, f"uncaught {where}:\n{traceback_of(error) if error else NOT_LOGGED}")


def _place(message: str | None) -> str:
    """Return where an ignored error was raised; since 3.13 Python names the callback, whose repr may hold a value."""
    if message is None:
        return "in __del__"
    return next((place for begin, place in PLACES.items() if message.startswith(begin)), "where Python ignores errors")


def give_back() -> None:
    """Restore the streams that `take_over` replaced."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, EntryStream):
            setattr(sys, name, stream.beneath)
