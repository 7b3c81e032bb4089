from __future__ import annotations

import time

import pytest
import requests.exceptions
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.resumable_media import DataCorruption

from pipeline.cloud import retries
from pipeline.cloud.retries import cloud_errors, is_transient, reason_of, with_retries
from pipeline.errors import CheckError, CloudError, DiskFull, PermissionMissing, RequestError


def google_error(status: int, reason: str = "", message: str = "it failed") -> exceptions.GoogleAPICallError:
    errors = [{"reason": reason, "message": message}] if reason else []
    return exceptions.from_http_status(status, message, errors=errors)


def no_token() -> RefreshError:
    """What the client raises in Cloud Run while the metadata server does not answer."""
    error = RefreshError("Failed to retrieve the token from the metadata server")
    error.__cause__ = TransportError("status: 503")
    return error


CONCURRENT = "Could not serialize access to table p:d.t due to concurrent update"
EXPENSIVE = google_error(
    500, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1000000. 10485760 or higher required."
)
DAMAGED = 'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C "fIDDmA==".'
FULL = [
    google_error(500, "Internal Server Error", "write /home/me/.local/tmp/.u7729: no space left on device"),
    google_error(500, "internalError", 'Could not write file "/home/me/.local/tmp/t.wal": No space left on device'),
    google_error(400, "invalidQuery", 'Failed to commit: Could not write file "/home/me/.local/tmp/t": File too large'),
]
TRANSIENT = [
    *(google_error(status) for status in (408, 429, 500, 502, 503, 504)),
    *(google_error(403, reason) for reason in ("rateLimitExceeded", "jobRateLimitExceeded")),
    *(google_error(400, reason) for reason in ("backendError", "internalError")),
    google_error(400, "invalidQuery", CONCURRENT),
    google_error(400, "invalidQuery", "Transaction is aborted due to concurrent update against table p:d.t"),
    google_error(403, "quotaExceeded", "Quota exceeded: Too many DML statements outstanding against table p:d.t"),
    requests.exceptions.ConnectionError("refused"),
    requests.exceptions.ReadTimeout("slow"),
    requests.exceptions.ChunkedEncodingError("12 of 24 bytes"),
    DataCorruption(None, "another checksum"),
    google_error(400, "invalid", DAMAGED),
    TransportError("refused"),
    no_token(),
    RefreshError("internal_failure", retryable=True),
]
TERMINAL = [
    *(google_error(status) for status in (400, 401, 403, 404, 409, 412)),
    google_error(400, "invalidQuery", "Syntax error: Unexpected end of script"),
    google_error(400, "invalid", CONCURRENT),
    google_error(403, "quotaExceeded", "Quota exceeded: Custom quota of bytes"),
    EXPENSIVE,
    *FULL,
    RefreshError("invalid_grant: expired or revoked"),
    ValueError("a bug"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=str)
def test_transient_errors_pass_by_themselves(error):
    assert is_transient(error)


@pytest.mark.parametrize("error", TERMINAL, ids=str)
def test_terminal_errors_do_not(error):
    assert not is_transient(error)


def test_reason_is_the_first_that_google_names():
    assert reason_of(exceptions.BadRequest("x", errors=[{}, "odd", {"reason": "invalid"}])) == "invalid"
    assert reason_of(ValueError("x")) == ""


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that only sleeping moves, so that endless retries reach the end of the failures at once."""
    moments = [1000.0]
    monkeypatch.setattr(time, "sleep", lambda seconds: moments.append(moments[-1] + seconds))
    monkeypatch.setattr(retries, "monotonic", lambda: moments[-1])
    return lambda: moments[-1]


class Flaky:
    """Fails with the errors in turn, then returns."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_transient_failure_is_called_again():
    call = Flaky(google_error(503))
    assert (with_retries(call), call.calls) == ("done", 2)


def test_terminal_failure_is_called_once():
    call = Flaky(google_error(404))
    with pytest.raises(exceptions.NotFound):
        with_retries(call)
    assert call.calls == 1


def test_a_server_that_is_gone_is_given_up_at_its_own_deadline(monkeypatch, clock):
    monkeypatch.setattr(retries, "UNREACHABLE_DEADLINE", 0.0)
    call, started = Flaky(*[requests.exceptions.ConnectionError("refused")] * 99), clock()
    with pytest.raises(requests.exceptions.ConnectionError):
        with_retries(call)
    assert call.calls == 1
    assert clock() == started


def test_unreachable_deadline_applies_to_no_other_failure(monkeypatch):
    monkeypatch.setattr(retries, "UNREACHABLE_DEADLINE", 0.0)
    call = Flaky(google_error(503))
    assert (with_retries(call), call.calls) == ("done", 2)


def test_calls_end_at_the_deadline_and_the_last_failure_is_said():
    call = Flaky(*[google_error(503, message="the service is away")] * 99)
    with pytest.raises(CloudError, match="loading t: the service is away"), cloud_errors("loading t"):
        with_retries(call)
    assert 5 < call.calls < 50


MAPPED = [
    (google_error(403, "accessDenied", "Permission bigquery.jobs.create denied"), PermissionMissing),
    (google_error(401), PermissionMissing),
    (DefaultCredentialsError("no file"), PermissionMissing),
    (RefreshError("expired"), PermissionMissing),
    (no_token(), CloudError),
    (google_error(403, "quotaExceeded", "Quota exceeded"), CloudError),
    (google_error(403, "rateLimitExceeded"), CloudError),
    (google_error(404), RequestError),
    (google_error(400, "invalidQuery", "Syntax error"), RequestError),
    (google_error(400, "invalidQuery", CONCURRENT), CloudError),
    (google_error(409), CloudError),
    (google_error(412), CloudError),
    (google_error(500), CloudError),
    (exceptions.RetryError("deadline", google_error(503)), CloudError),
    (requests.exceptions.ConnectionError("refused"), CloudError),
    (TransportError("refused"), CloudError),
    (requests.exceptions.ChunkedEncodingError("12 of 24 bytes"), CloudError),
    (DataCorruption(None, "another checksum"), CloudError),
    (google_error(400, "invalid", DAMAGED), CloudError),
    (TimeoutError("the job did not end"), CloudError),
]


@pytest.mark.parametrize(("error", "ours"), MAPPED, ids=lambda value: repr(value)[:60])
def test_vendor_errors_become_ours_and_name_what_was_done(error, ours):
    with pytest.raises(ours, match=r"^reading t: ") as caught, cloud_errors("reading t"):
        raise error
    assert caught.value.__cause__ is error


def test_too_expensive_statement_names_bytes_and_limit():
    with pytest.raises(RequestError) as caught, cloud_errors("phases/examples_v1 (r-examples)"):
        raise EXPENSIVE
    assert str(caught.value) == (
        "phases/examples_v1 (r-examples): would be billed for 10,485,760 bytes; the limit is 1,000,000"
        " - raise maximum_bytes_billed in the target file, or make the statement read less"
    )


@pytest.mark.parametrize("error", FULL, ids=str)
def test_full_disk_names_its_folder_in_one_short_line(error):
    with pytest.raises(DiskFull) as caught, cloud_errors("loading t"):
        raise error
    assert str(caught.value) == (
        "loading t: the disk with /home/me/.local/tmp is full - free some space or give another --local-dir"
    )
    assert caught.value.exit_code == 2


def test_values_with_the_words_of_a_full_disk_are_no_full_disk():
    with pytest.raises(RequestError, match="fix the SQL"), cloud_errors("query"):
        raise google_error(400, "invalidQuery", "Bad int64 value: no space left on device")


def test_a_job_that_took_too_long_names_the_setting():
    words = r"a: Job timed out after 60s - raise job_timeout in the target file"
    with pytest.raises(CloudError, match=words), cloud_errors("a"):
        raise google_error(200, "stopped", "Job timed out after 60s")


def test_a_missing_permission_is_named_with_its_role():
    said = r"grant roles/bigquery\.jobUser for bigquery\.jobs\.create"
    with pytest.raises(PermissionMissing, match=said), cloud_errors("query"):
        raise MAPPED[0][0]


@pytest.mark.parametrize("error", [CheckError("ours"), KeyError("a bug")], ids=repr)
def test_our_errors_and_bugs_pass_unchanged(error):
    with pytest.raises(type(error)) as caught, cloud_errors("reading t"):
        raise error
    assert caught.value is error


def test_long_messages_of_google_become_one_short_line():
    with pytest.raises(RequestError) as caught, cloud_errors("query"):
        raise google_error(400, "invalid", "bad\n" * 1000)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("reason", ["resourcesExceeded", "unheardOf"])
def test_message_of_an_unknown_reason_is_not_logged(reason):
    with pytest.raises(CloudError) as caught, cloud_errors("query"):
        raise google_error(500, reason, "Bad value 'a name' in row 7")
    assert "a name" in str(caught.value)
    assert caught.value.loggable == f"query: reason {reason} - run the same command again"
