"""The tree of errors; every leaf has an exit code of the command line.

    PipelineError
      RequestError         2  the request is wrong: arguments, YAML, SQL, missing data
        SqlError           2  BigQuery refuses a statement, or the data that it reads
      DiskFull             2  the disk of the local target is full
      CheckError           3  data checks stopped the run
      CloudError           4  BigQuery or Cloud Storage failed after bounded retries
      ProcessLost          4  a worker process of this command died: killed, or out of memory
      PermissionMissing    5  a permission is missing; the message names it and a role that grants it
        ApiDisabled        5  an API is not enabled in a project; the message names the command that enables it

Anything else that reaches the command line is a bug: exit code 1, with a traceback.
"""

from __future__ import annotations

import re

OPENS, INSTEAD, CLOSES = "\x02", "\x01", "\x03"

_QUOTED = re.compile(f"{OPENS}(.*?){INSTEAD}(.*?){CLOSES}", re.DOTALL)

_MARKS = dict.fromkeys(map(ord, (OPENS, INSTEAD, CLOSES)))


def quoted(words: object, instead: str = "[values are not logged]") -> str:
    """Mark words that may hold values of rows: a terminal shows them, logs of the cloud do not.

    Parameters
    ----------
    words
        Keys, values, or the words of a library about them.
    instead
        The replacement in logs.
    """
    return f"{OPENS}{_text(words).translate(_MARKS)}{INSTEAD}{instead}{CLOSES}"


def _text(words: object) -> str:
    try:
        return str(words)
    except Exception:  # noqa: BLE001 - an error whose __str__ fails must still be reported
        return f"[a {type(words).__name__} whose text cannot be shown]"


def readable(text: str) -> str:
    """Return a text as a terminal shows it."""
    return _QUOTED.sub(r"\1", text)


def loggable(text: str) -> str:
    """Return a text for logs of the cloud, without values of rows."""
    return _QUOTED.sub(r"\2", text)


class PipelineError(Exception):
    """Base of every error that the pipeline reports in one line.

    Parameters
    ----------
    what
        What is wrong and where; words that may hold values of rows are `quoted`.
    hint
        What to do about it.

    Attributes
    ----------
    loggable
        The message without values of rows.
    given
        `what` with its marks, to be repeated in another message.
    hint
        What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, hint: str = "") -> None:
        text = f"{what} - {hint}" if hint else what
        super().__init__(" ".join(readable(text).split()))
        self.given, self.hint = what, hint
        self.what = " ".join(readable(what).split())
        self.loggable = " ".join(loggable(text).split())


class RequestError(PipelineError):
    """The request is wrong: arguments, YAML, SQL or missing data."""

    exit_code = 2


class SqlError(RequestError):
    """BigQuery refuses a statement, or the data that it reads."""


class DiskFull(PipelineError):
    """The disk of the local target is full: no fault of the run, so nothing is voided and no variant is to blame."""

    exit_code = 2


class CheckError(PipelineError):
    """Data checks stopped the run."""

    exit_code = 3


class CloudError(PipelineError):
    """BigQuery or Cloud Storage failed after bounded retries."""

    exit_code = 4


class ProcessLost(PipelineError):
    """A worker process died before it finished; the same command resumes."""

    exit_code = 4


class PermissionMissing(PipelineError):
    """A permission is missing."""

    exit_code = 5


class ApiDisabled(PermissionMissing):
    """An API of Google is not enabled in a project."""
