"""Makes entries of a log of whatever a process says beside it: lines that are printed, errors that nobody catches."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TextIO

from pipeline.cloud_run.log import ERROR, INFO, NOT_LOGGED, CloudLog, LogHandler, traceback_of
from pipeline.line_stream import LineStream

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
