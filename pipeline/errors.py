"""What can go wrong, as one tree; every leaf knows the exit code of the command line.

    PipelineError
      RequestError         2  the request is wrong: arguments, YAML, SQL, missing data
      CheckError           3  data checks stopped the run
      CloudError           4  BigQuery or Cloud Storage failed after bounded retries
      ProcessLost          4  a process of this command ended in the middle: killed, or out of memory
      PermissionMissing    5  a permission is missing; the message names it and a role that grants it

Anything else that reaches the command line is a bug: exit code 1, with a traceback.
"""

from __future__ import annotations


class PipelineError(Exception):
    """Base of every error that the pipeline reports in one line.

    Parameters
    ----------
    what
        What is wrong and where.
    hint
        What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, hint: str = "") -> None:
        text = f"{what} - {hint}" if hint else what
        super().__init__(" ".join(text.split()))
        self.what = " ".join(what.split())


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
