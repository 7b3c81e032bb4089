"""Entries of Cloud Logging: one JSON object a line on stderr, in which no value of a row stands."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from pipeline.base.progress import Barless, LineStream
from pipeline.cli.cloud_run.execution import Execution
from pipeline.errors import PipelineError, loggable

ROWLESS = ("google", "urllib3")
"""Libraries that log addresses and states of connections, and never a row."""


NOT_LOGGED = "[its words are not logged]"


INFO, WARNING, ERROR, CRITICAL = "INFO", "WARNING", "ERROR", "CRITICAL"


KEYS = "logging.googleapis.com"
"""Begins the keys that Cloud Logging reads: https://cloud.google.com/logging/docs/structured-logging"""


class CloudLog:
    """Writes entries about one task of one execution.

    Parameters
    ----------
    execution
        What Cloud Run says of this process.
    stream
        Where entries go, one line each: JSON has no line end within a text, so that no value can begin an entry.
    """

    def __init__(self, execution: Execution, stream: TextIO | None = None) -> None:
        self._execution = execution
        self._stream = stream or sys.stderr
        task = execution.task
        self._labels = {"execution": execution.name, "task": str(task.index), "attempt": str(task.attempt)}
        self._project = ""

    def about(self, *, project: str = "", **labels: str) -> None:
        """Say of which project, job, run and phase the entries are from now on."""
        self._project = project or self._project
        self._labels |= labels

    def write(self, severity: str, message: str, **fields: Any) -> None:
        """Write an entry; quoted words are left out of it."""
        self._put(self._line(severity, message, **fields))

    def _put(self, line: str) -> None:
        self._stream.write(line)
        self._stream.flush()

    def _line(self, severity: str, message: str, **fields: Any) -> str:
        entry = {
            "severity": severity,
            "message": loggable(message),
            "time": datetime.now(UTC).isoformat(),
            f"{KEYS}/labels": dict(self._labels),
            **self._trace(),
            **fields,
        }
        return json.dumps(entry, default=str) + "\n"

    def fail(self, error: PipelineError, exit_code: int) -> None:
        """Write the entry of a command that ends with an error."""
        self._put(self.failure(error, exit_code))

    def failure(self, error: PipelineError, exit_code: int) -> str:
        """Return the line of that entry, for who cannot wait for the stream."""
        severity = WARNING if exit_code > 128 else ERROR  # ended from outside: the next attempt goes on
        return self._line(severity, f"error: {error.loggable}", exit_code=exit_code)

    def crash(self, error: BaseException) -> None:
        """Write the entry of a bug, with its traceback."""
        self.write(CRITICAL, traceback_of(error), exit_code=1)

    def _trace(self) -> Mapping[str, str]:
        """All tasks and attempts of an execution are one trace: what happened in a night is read together."""
        if not self._project:
            return {}
        digest = hashlib.sha256(self._execution.name.encode()).hexdigest()[:32]
        return {f"{KEYS}/trace": f"projects/{self._project}/traces/{digest}"}


def traceback_of(error: BaseException) -> str:
    """Return places and classes of an error and its causes; not their words, which may hold values of rows."""
    parts, seen = list[str](), set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        words = f": {cause.loggable}" if isinstance(cause, PipelineError) else f" {NOT_LOGGED}"
        lines = traceback.format_tb(cause.__traceback__)
        name = f"{type(cause).__module__}.{type(cause).__qualname__}".removeprefix("builtins.")
        parts.append("".join(["Traceback (most recent call last):\n", *lines, f"{name}{words}"]))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n\nThe exception above came after this one:\n\n".join(parts)


class LogReporter(Barless):
    """Tells Cloud Logging what happens."""

    def __init__(self, log: CloudLog) -> None:
        super().__init__()
        self._log = log

    def say(self, text: str) -> None:
        """Write an entry."""
        self._log.write(INFO, text)

    def warn(self, text: str) -> None:
        """Write an entry about what nobody has to mend tonight."""
        self._log.write(WARNING, text)

    def about(self, **labels: str) -> None:
        """Label the entries that come with run and phase."""
        self._log.about(**labels)


class LogHandler(logging.Handler):
    """Makes entries of what libraries log; where it is not known to be without values of rows, not of its words."""

    def __init__(self, log: CloudLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write an entry."""
        severity = ERROR if record.levelno >= logging.ERROR else WARNING
        self._log.write(severity, f"{record.name}: {_words(record)}", source=f"{record.pathname}:{record.lineno}")


def _words(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] in ROWLESS:
        try:
            return record.getMessage()
        except Exception:  # noqa: BLE001 - its arguments do not fit; the caller is no worse off for that
            return NOT_LOGGED
    return NOT_LOGGED


PLACES = {
    "Exception ignored while calling deallocator": "in __del__",
    "Exception ignored in atexit callback": "in an atexit callback",
}
"""Beginning of what Python says of an error that it ignores -> where it was raised, in words of every version."""


def take_over(log: CloudLog) -> None:
    """From now on all that this process says becomes entries of a log, each line and each traceback one."""
    handler = LogHandler(log)
    logging.getLogger().addHandler(handler)
    logging.lastResort = handler  # Google's loggers pass nothing on to the root
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    sys.stdout, sys.stderr = Lines(log, sys.stdout), Lines(log, sys.stderr)
    sys.unraisablehook = lambda found: _uncaught(log, found.exc_value, _place(found.err_msg))
    threading.excepthook = lambda found: _uncaught(log, found.exc_value, "in a thread")


def _uncaught(log: CloudLog, error: BaseException | None, where: str) -> None:
    """Write what was raised where nobody could catch it: the process goes on."""
    log.write(ERROR, f"uncaught {where}:\n{traceback_of(error) if error else NOT_LOGGED}")


def _place(message: str | None) -> str:
    """Return where an ignored error was raised; since 3.13 Python names the callback, whose repr may hold a value."""
    if message is None:
        return "in __del__"
    return next((place for begin, place in PLACES.items() if message.startswith(begin)), "where Python ignores errors")


def give_back() -> None:
    """Let what is printed go where it went before."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Lines):
            setattr(sys, name, stream.beneath)


class Lines(LineStream):
    """A stream whose lines are entries: what is printed can neither begin one nor break one in two.

    Parameters
    ----------
    log
        Where they go.
    beneath
        The stream in whose place it is.
    """

    encoding = "utf-8"

    def __init__(self, log: CloudLog, beneath: TextIO) -> None:
        super().__init__(lambda line: log.write(INFO, line))
        self.beneath = beneath

    def fileno(self) -> int:
        """Return what child processes write to."""
        return self.beneath.fileno()

    def flush(self) -> None:
        """Write the line that was begun, too: nothing may come after it."""
        begun, self._begun = self._begun, ""
        self._say(begun)
