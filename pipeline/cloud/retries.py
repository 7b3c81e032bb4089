"""Retries of calls to Google's services: which failures are transient, for how long, and what the others mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests.exceptions
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.resumable_media import DataCorruption

from pipeline.cloud.permissions import api_disabled, hint_for
from pipeline.errors import CloudError, DiskFull, PermissionMissing, PipelineError, RequestError, SqlError, quoted

CALL_TIMEOUT = 60.0
"""Timeout of an HTTP call, in seconds."""

TRANSFER_TIMEOUT = 600.0
"""Timeout of an upload, a download or a stream of rows, in seconds."""

TRANSIENT_DEADLINE = 60.0
"""A transient failure is retried for this many seconds."""

UNREACHABLE_DEADLINE = 10.0
"""A server that refuses connections is retried for this many seconds."""

ResultT = TypeVar("ResultT")

NO_RETRY: Any = None
"""Switches off the retries of Google's clients, which miss 408, 504 and the reasons below."""

NO_WHOLE_ANSWER = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,  # the answer was cut off
    requests.exceptions.ContentDecodingError,
    DataCorruption,  # a download has another checksum
    TransportError,
    TimeoutError,
)

TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

TRANSIENT_REASONS = frozenset({"backendError", "internalError", "rateLimitExceeded", "jobRateLimitExceeded"})

TRANSIENT_WORDS = (
    ("invalid", re.compile(r"[Pp]rovided (CRC32C|MD5) .* doesn't match")),  # an upload was damaged in transit
    ("invalidQuery", re.compile(r"Could not serialize access to table .* due to concurrent update")),
    ("invalidQuery", re.compile(r"Transaction is aborted due to concurrent update")),
    ("quotaExceeded", re.compile(r"Too many DML statements outstanding")),
)
"""Transient failures that only the message tells: (reason, pattern of the message)."""

DISK_FULL = re.compile(
    r"(?P<file>/[^\":]+)\"?: (no space left on device|disk quota exceeded|file too large)|max_temp_directory_size",
    re.IGNORECASE,
)
"""Words of the local target's servers when their disk is full; the cloud's never name a file of a disk."""

SAYS_NOTHING_OF_DATA = TRANSIENT_REASONS | {"stopped", ""}
"""Reasons whose message holds no values of rows; answers of proxies have an empty reason."""

TOO_EXPENSIVE = "bytesBilledLimitExceeded"
"""Reason that Google's client does not know and treats as a failure of the server."""

BILLED = re.compile(r"limit for bytes billed: (\d+)\. (\d+) or higher required")

TIMED_OUT = re.compile(r"timed? ?out", re.IGNORECASE)

REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) https?://\S+: ")
"""Prefix that the client adds to the message of a refused call."""

JOB_FOOTER = re.compile(r" Location: \S+ Job ID: \S+$")
"""Suffix that the client adds to the message of a failed query."""


def reason_of(error: BaseException) -> str:
    """Return Google's reason code of an error; empty without one."""
    for item in getattr(error, "errors", None) or []:
        if isinstance(item, dict) and item.get("reason"):
            return str(item["reason"])
    return ""


def is_transient(error: BaseException) -> bool:
    """Tell whether a repetition of the call may succeed."""
    if isinstance(error, NO_WHOLE_ANSWER) or _got_no_token(error):
        return True
    if not isinstance(error, exceptions.GoogleAPICallError):
        return False
    reason = reason_of(error)
    if reason == TOO_EXPENSIVE or DISK_FULL.search(str(error)):
        return False
    if error.code in TRANSIENT_STATUSES or reason in TRANSIENT_REASONS:
        return True
    return any(reason == known and words.search(str(error)) for known, words in TRANSIENT_WORDS)


def _got_no_token(error: BaseException) -> bool:
    """Tell whether no token came although none was refused, as without a metadata server in Cloud Run."""
    return isinstance(error, RefreshError) and (error.retryable or isinstance(error.__cause__, TransportError))


def with_retries(call: Callable[[], ResultT], *, passing: Callable[[BaseException], bool] = is_transient) -> ResultT:
    """Call until success, a permanent failure, or the deadline, which is shorter for an unreachable server.

    Parameters
    ----------
    passing
        Tells which failures are transient.
    """
    failing_since: list[float] = []

    def again(error: BaseException) -> bool:
        failing_since.append(monotonic())
        waited = failing_since[-1] - failing_since[0]
        is_unreachable = isinstance(error, requests.exceptions.ConnectionError | TransportError)
        limit = UNREACHABLE_DEADLINE if is_unreachable else TRANSIENT_DEADLINE
        return waited < limit and passing(error)

    # No timeout of Retry: it counts from the start of a call, and a job may run for an hour before its first failure.
    return Retry(predicate=again, initial=0.2, maximum=8.0, timeout=None)(call)()


def call(doing: str, method: Callable[..., ResultT], *arguments: Any, **options: Any) -> ResultT:
    """Call a method of Google's clients with a timeout and our retries; its errors become ours.

    Parameters
    ----------
    doing
        Says in an error what was attempted, on what.
    method
        Takes `timeout` and `retry` besides the arguments and options.

    Raises
    ------
    PipelineError
        The call failed, see `cloud_errors`.
    """
    with cloud_errors(doing):
        return with_retries(lambda: method(*arguments, **{"timeout": CALL_TIMEOUT, "retry": NO_RETRY} | options))


def call_or_none(doing: str, method: Callable[..., ResultT], *arguments: Any, **options: Any) -> ResultT | None:
    """Call a method as `call` does; return None if what it asks for does not exist.

    Raises
    ------
    PipelineError
        The call failed in another way.
    """
    try:
        return call(doing, method, *arguments, **options)
    except RequestError as error:
        if isinstance(error.__cause__, exceptions.NotFound):
            return None
        raise


@contextmanager
def cloud_errors(doing: str) -> Iterator[None]:
    """Turn errors of Google's clients into ours; `doing` says what was attempted, on what.

    Raises
    ------
    PipelineError
        The error of ours: `CloudError`, `DiskFull`, `PermissionMissing` or `RequestError`.
    """
    try:
        yield
    except PipelineError:
        raise
    except (DefaultCredentialsError, RefreshError) as error:
        if _got_no_token(error):
            raise CloudError(f"{doing}: no token came: {_words(error)}", hint="run the same command again") from error
        hint = "run gcloud auth application-default login, or use --target local"
        raise PermissionMissing(f"{doing}: no valid Google credentials found", hint=hint) from error
    except exceptions.GoogleAPICallError as error:
        raise _answered(doing, error) from error
    except (exceptions.GoogleAPIError, requests.exceptions.RequestException, *NO_WHOLE_ANSWER) as error:
        raise CloudError(f"{doing}: {_words(error)}", hint="run the same command again") from error


def _answered(doing: str, error: exceptions.GoogleAPICallError) -> PipelineError:
    """Return our error for an error that Google answered with."""
    reason = reason_of(error)
    if told := _too_expensive(doing, error) or _disk_full(doing, error):
        return told
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        if reason in TRANSIENT_REASONS | {"quotaExceeded"}:  # also 403, but no role helps
            return CloudError(f"{doing}: {_words(error)}", hint="run the same command again later")
        refused = PermissionMissing(f"{doing}: {_words(error)}", hint=hint_for(_words(error)))
        return api_disabled(doing, error) or refused
    if isinstance(error, exceptions.NotFound):
        return RequestError(f"{doing}: {_words(error)}", hint="check the name and the target")
    hint, is_bad = "run the same command again", isinstance(error, exceptions.BadRequest)
    if is_bad and not is_transient(error):
        return SqlError(f"{doing}: {_words_of_data(error)}", hint="fix the SQL or the data it reads")
    if is_bad or reason not in SAYS_NOTHING_OF_DATA:
        return CloudError(f"{doing}: {_words_of_data(error)}", hint=hint)
    if reason == "stopped" and TIMED_OUT.search(str(error)):
        hint = "raise job_timeout in the target file, or make the statement read less"
    return CloudError(f"{doing}: {_words(error)}", hint=hint)


def _too_expensive(doing: str, error: exceptions.GoogleAPICallError) -> RequestError | None:
    if reason_of(error) != TOO_EXPENSIVE:
        return None
    found = BILLED.search(str(error))
    what = f"would be billed for {int(found[2]):,} bytes; the limit is {int(found[1]):,}" if found else _words(error)
    hint = "raise maximum_bytes_billed in the target file, or make the statement read less"
    return RequestError(f"{doing}: {what}", hint=hint)


def _disk_full(doing: str, error: exceptions.GoogleAPICallError) -> DiskFull | None:
    full = DISK_FULL.search(str(error))
    if not full:
        return None
    where = Path(full["file"]).parent if full["file"] else "the local directory"
    return DiskFull(f"{doing}: the disk with {where} is full", hint="free some space or give another --local-dir")


def _words_of_data(error: exceptions.GoogleAPICallError) -> str:
    """Return the words of an error, which may name values of rows; logs have its reason and the job instead."""
    job = JOB_FOOTER.search(str(error.message))
    where = f", see{job[0].rpartition(':')[2]} in BigQuery" if job else ""
    return quoted(_words(error), f"reason {reason_of(error) or error.code}{where}")


def _words(error: BaseException) -> str:
    error = getattr(error, "cause", None) or error  # the last failure says more than the deadline
    if isinstance(error, requests.exceptions.ConnectionError) and error.request is not None:
        return f"no answer from {urlsplit(str(error.request.url)).netloc}"
    message = " ".join(str(getattr(error, "message", None) or error).split()) or "no answer in time"
    # A failed job lists its errors; the last one names row and column.
    last = message.rpartition("; reason: ")[2].partition(", message: ")[2]
    return JOB_FOOTER.sub("", last or REQUEST.sub("", message))[:500]
