"""What can go wrong, as one tree; every leaf knows the exit code of the command line.

    PipelineError
      RequestError         2  the request is wrong: arguments, YAML, SQL, missing data
      CheckError           3  data checks stopped the run
      CloudError           4  BigQuery or Cloud Storage failed after bounded retries
      ProcessLost          4  a process of this command ended in the middle: killed, or out of memory
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
    """Mark words that may hold values of rows: people at a terminal see them, logs of the cloud do not.

    Parameters
    ----------
    words
        What may hold them: keys, values, and what a library says of either.
    instead
        What logs have in their place.
    """
    return f"{OPENS}{_text(words).translate(_MARKS)}{INSTEAD}{instead}{CLOSES}"


def _text(words: object) -> str:
    try:
        return str(words)
    except Exception:  # noqa: BLE001 - an error whose own code fails is still to be reported
        return f"[a {type(words).__name__} that says nothing of itself]"


def readable(text: str) -> str:
    """Return a text as people see it."""
    return _QUOTED.sub(r"\1", text)


def loggable(text: str) -> str:
    """Return a text as logs of the cloud may have it."""
    return _QUOTED.sub(r"\2", text)


class PipelineError(Exception):
    """Base of every error that the pipeline reports in one line.

    Parameters
    ----------
    what
        What is wrong and where; what may hold values of rows is `quoted`.
    hint
        What to do about it.

    Attributes
    ----------
    loggable
        The message without values of rows.
    given
        `what` with its marks, for another message that repeats it.
    """

    exit_code = 1

    def __init__(self, what: str, *, hint: str = "") -> None:
        text = f"{what} - {hint}" if hint else what
        super().__init__(" ".join(readable(text).split()))
        self.given = what
        self.what = " ".join(readable(what).split())
        self.loggable = " ".join(loggable(text).split())


class RequestError(PipelineError):
    """The request is wrong: arguments, YAML, SQL or missing data."""

    exit_code = 2


class CheckError(PipelineError):
    """Data checks stopped the run."""

    exit_code = 3


class CloudError(PipelineError):
    """BigQuery or Cloud Storage failed after bounded retries."""

    exit_code = 4


class ProcessLost(PipelineError):
    """A process of this command ended in the middle; the same command goes on."""

    exit_code = 4


class PermissionMissing(PipelineError):
    """A permission is missing."""

    exit_code = 5


class ApiDisabled(PermissionMissing):
    """An API of Google is not enabled in a project."""
