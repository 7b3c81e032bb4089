"""Which failures of Google's services pass by themselves, and how long to wait for that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests.exceptions
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.resumable_media import DataCorruption

from pipeline.cloud.permissions import api_disabled, hint_for
from pipeline.errors import CloudError, PermissionMissing, PipelineError, RequestError, quoted

CALL_TIMEOUT = 60.0
"""Seconds that one HTTP call may take."""


TRANSFER_TIMEOUT = 600.0
"""Seconds that one upload, download or stream of rows may take."""


TRANSIENT_DEADLINE = 60.0
"""Seconds for which a call is repeated."""


UNREACHABLE_DEADLINE = 10.0
"""Seconds for which a server that refuses connections is called again."""


ResultT = TypeVar("ResultT")


NO_RETRY: Any = None
"""Switches the retries of Google's clients off: they miss 408 and 504, and the reasons below."""


NO_WHOLE_ANSWER = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,  # the answer ended in the middle
    requests.exceptions.ContentDecodingError,
    DataCorruption,  # what was downloaded has another checksum
    TransportError,
    TimeoutError,
)


TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


TRANSIENT_REASONS = frozenset({"backendError", "internalError", "rateLimitExceeded", "jobRateLimitExceeded"})


TRANSIENT_WORDS = (
    ("invalid", re.compile(r"[Pp]rovided (CRC32C|MD5) .* doesn't match")),  # an upload that was damaged on its way
    ("invalidQuery", re.compile(r"Could not serialize access to table .* due to concurrent update")),
    ("invalidQuery", re.compile(r"Transaction is aborted due to concurrent update")),
    ("quotaExceeded", re.compile(r"Too many DML statements outstanding")),
)
"""What BigQuery reports only in words: (reason, pattern of the message)."""


SAYS_NOTHING_OF_DATA = TRANSIENT_REASONS | {"stopped", ""}
"""Reasons of a failed call whose words are the service's own; of no reason at all are answers of proxies."""


TOO_EXPENSIVE = "bytesBilledLimitExceeded"
"""Google's client does not know this reason and takes it for a failure of the server."""


BILLED = re.compile(r"limit for bytes billed: (\d+)\. (\d+) or higher required")


TIMED_OUT = re.compile(r"timed? ?out", re.IGNORECASE)


REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) https?://\S+: ")
"""What the client puts before the words of a call that was refused."""


JOB_FOOTER = re.compile(r" Location: \S+ Job ID: \S+$")
"""What the client appends to the words of a failed query."""


def reason_of(error: BaseException) -> str:
    """Return Google's reason code of an error, or an empty text."""
    for item in getattr(error, "errors", None) or []:
        if isinstance(item, dict) and item.get("reason"):
            return str(item["reason"])
    return ""


def is_transient(error: BaseException) -> bool:
    """Tell whether the same call may succeed when it is repeated."""
    if isinstance(error, NO_WHOLE_ANSWER) or _got_no_token(error):
        return True
    if not isinstance(error, exceptions.GoogleAPICallError):
        return False
    reason = reason_of(error)
    if reason == TOO_EXPENSIVE:
        return False
    if error.code in TRANSIENT_STATUSES or reason in TRANSIENT_REASONS:
        return True
    return any(reason == known and words.search(str(error)) for known, words in TRANSIENT_WORDS)


def _got_no_token(error: BaseException) -> bool:
    """Tell whether nobody refused credentials: in Cloud Run that is how a metadata server that is away looks."""
    return isinstance(error, RefreshError) and (error.retryable or isinstance(error.__cause__, TransportError))


def is_unreachable(error: BaseException) -> bool:
    """Tell whether nobody answered at all."""
    return isinstance(error, requests.exceptions.ConnectionError | TransportError)


def with_retries(call: Callable[[], ResultT], *, passing: Callable[[BaseException], bool] = is_transient) -> ResultT:
    """Call until it succeeds, fails for good, or has failed for too long; a server that is gone is given up sooner.

    Parameters
    ----------
    passing
        Tells which failures pass by themselves.
    """
    failing_since: list[float] = []

    def again(error: BaseException) -> bool:
        failing_since.append(monotonic())
        waited = failing_since[-1] - failing_since[0]
        limit = UNREACHABLE_DEADLINE if is_unreachable(error) else TRANSIENT_DEADLINE
        return waited < limit and passing(error)

    # No deadline of its own: it would count from the start of a call, and a job may take an hour to its first failure.
    return Retry(predicate=again, initial=0.2, maximum=8.0, timeout=None)(call)()


@contextmanager
def cloud_errors(doing: str) -> Iterator[None]:
    """Turn errors of Google's clients into ours; `doing` says what was attempted, on what."""
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
    """Return what an error means that Google answered with."""
    reason = reason_of(error)
    if reason == TOO_EXPENSIVE:
        return _too_expensive(doing, error)
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        return _refused(doing, error)
    if isinstance(error, exceptions.NotFound):
        return RequestError(f"{doing}: {_words(error)}", hint="check the name and the target")
    if isinstance(error, exceptions.BadRequest):
        if is_transient(error):
            return CloudError(f"{doing}: {_words_of_data(error)}", hint="run the same command again")
        return RequestError(f"{doing}: {_words_of_data(error)}", hint="mend the SQL or the data it reads")
    if reason not in SAYS_NOTHING_OF_DATA:
        return CloudError(f"{doing}: {_words_of_data(error)}", hint="run the same command again")
    if reason == "stopped" and TIMED_OUT.search(str(error)):
        hint = "raise job_timeout in the target file, or make the statement read less"
        return CloudError(f"{doing}: {_words(error)}", hint=hint)
    return CloudError(f"{doing}: {_words(error)}", hint="run the same command again")


def _too_expensive(doing: str, error: exceptions.GoogleAPICallError) -> RequestError:
    found = BILLED.search(str(error))
    what = f"would be billed for {int(found[2]):,} bytes, allowed are {int(found[1]):,}" if found else _words(error)
    hint = "raise maximum_bytes_billed in the target file, or make the statement read less"
    return RequestError(f"{doing}: {what}", hint=hint)


def _refused(doing: str, error: exceptions.GoogleAPICallError) -> PipelineError:
    if reason_of(error) in TRANSIENT_REASONS | {"quotaExceeded"}:  # 403 as well, but no role helps
        return CloudError(f"{doing}: {_words(error)}", hint="run the same command again later")
    disabled = api_disabled(doing, error)
    return disabled or PermissionMissing(f"{doing}: {_words(error)}", hint=hint_for(_words(error)))


def _words_of_data(error: exceptions.GoogleAPICallError) -> str:
    """Return the words of an error that may name values of rows; logs have its reason and the job to ask instead."""
    job = JOB_FOOTER.search(str(error.message))
    where = f", see{job[0].rpartition(':')[2]} in BigQuery" if job else ""
    return quoted(_words(error), f"reason {reason_of(error) or error.code}{where}")


def _words(error: BaseException) -> str:
    error = getattr(error, "cause", None) or error  # what was tried until the deadline says more than the deadline
    if isinstance(error, requests.exceptions.ConnectionError) and error.request is not None:
        return f"no answer from {urlsplit(str(error.request.url)).netloc}"
    message = " ".join(str(getattr(error, "message", None) or error).split()) or "no answer in time"
    # A failed job lists its errors one after the other; the last one is the one that names row and column.
    last = message.rpartition("; reason: ")[2].partition(", message: ")[2]
    return JOB_FOOTER.sub("", last or REQUEST.sub("", message))[:500]
