"""Lost, late, damaged and error replies: each guard against them, on every kind of call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic

import pytest

from pipeline.cloud.retries import TRANSIENT_STATUSES
from pipeline.errors import CloudError, PermissionMissing, RequestError
from tests.faults.calls import CALLS, Bench, download, execute, execute_again, read_frame, upload
from tests.faults.conftest import HANG_SECONDS
from tests.faults.faults import GRPC_KINDS, KINDS, STATUS_FAULTS, STATUSES, Fault, Strike
from tests.support.integration_fixtures import reader

every_call = pytest.mark.parametrize(("kind", "call", "outcome"), CALLS.values(), ids=CALLS)
NEEDING_A_ROLE = {name: how[:2] for name, how in CALLS.items() if name != "attaching to a job"}

LOST = Fault("drop", carried_out=True)
NO_REPLY = (LOST, Fault("reset"), Fault("reset", carried_out=True), Fault("truncate", carried_out=True))
DENIED = "Access Denied: bigquery.tables.getData denied"
REFUSAL = Fault("status", status=403, reason="accessDenied", message=DENIED)
CONCURRENT = "Could not serialize access to table p:d.t due to concurrent update"
TOO_MANY = "Too many DML statements outstanding against table p:d.t"


@pytest.fixture(scope="module")
def bench(make_empty_session, tmp_path_factory):
    return Bench.prepared(make_empty_session(), tmp_path_factory.mktemp("bench"))


def statuses_for(kind):
    """Return each status before and after the call, with and without a reason; over gRPC each status once."""
    if kind in GRPC_KINDS:
        return [Fault("status", status=status) for status in STATUSES]
    return STATUS_FAULTS


def test_every_kind_of_call_that_the_proxy_knows_is_made_here():
    called = {kind for kind, _, _ in CALLS.values()}
    assert called == {*KINDS, *GRPC_KINDS} - {"jobs.query"}  # the client has other calls for queries with our settings
    assert set(STATUSES) == TRANSIENT_STATUSES


@pytest.mark.matrix(3)
@every_call
def test_transient_status_on_any_call_is_retried_once_done(bench, through, quick_pauses, kind, call, outcome):
    for fault in statuses_for(kind):
        session, plan = through(bench.session, Strike(fault, 1, kind))
        assert call(bench, session) == outcome, str(fault)
        assert plan.struck == 1, str(fault)


@pytest.mark.matrix(3)
@every_call
def test_lasting_status_on_any_call_exits_with_code_4(bench, through, short_times, monkeypatch, kind, call, outcome):
    monkeypatch.setattr("pipeline.cloud.retries.TRANSIENT_DEADLINE", 0.2)
    away = Fault("status", status=503, reason="backendError")
    session, plan = through(bench.session, Strike(away, 1, kind, times=10**6))
    started = monotonic()
    with pytest.raises(CloudError, match=r" - run the same command again$") as stopped:
        call(bench, session)
    assert stopped.value.exit_code == 4
    assert plan.struck > 1
    assert monotonic() - started < 5


@pytest.mark.matrix(3)
@every_call
def test_lost_reply_of_any_call_is_requested_again(bench, through, quick_pauses, kind, call, outcome):
    for fault in [LOST] if kind in GRPC_KINDS else NO_REPLY:
        session, plan = through(bench.session, Strike(fault, 1, kind))
        assert call(bench, session) == outcome, str(fault)
        assert plan.struck == 1, str(fault)


@pytest.mark.matrix(3)
@every_call
def test_silent_server_on_any_call_times_out(bench, through, short_times, kind, call, outcome):
    session, plan = through(bench.session, Strike(Fault("hang", carried_out=True), 1, kind))
    started = monotonic()
    assert call(bench, session) == outcome
    assert plan.struck == 1
    assert monotonic() - started < HANG_SECONDS


@pytest.mark.parametrize(
    ("kind", "call"),
    [("jobs.insert", execute), ("objects.download", download), *((kind, read_frame) for kind in GRPC_KINDS)],
)
def test_lastingly_silent_server_exits_with_code_4(bench, through, short_times, monkeypatch, kind, call):
    monkeypatch.setattr("pipeline.cloud.retries.TRANSIENT_DEADLINE", 0.5)
    session, _ = through(bench.session, Strike(Fault("hang"), 1, kind, times=10**6))
    started = monotonic()
    with pytest.raises(CloudError, match="run the same command again") as stopped:
        call(bench, session)
    assert stopped.value.exit_code == 4
    assert monotonic() - started < HANG_SECONDS


@pytest.mark.matrix(3)
@pytest.mark.parametrize(("kind", "call"), NEEDING_A_ROLE.values(), ids=NEEDING_A_ROLE)
def test_missing_permission_on_any_call_names_its_role(bench, through, monkeypatch, kind, call):
    monkeypatch.setattr("pipeline.cloud.retries.TRANSIENT_DEADLINE", 1.0)
    session, plan = through(bench.session, Strike(REFUSAL, 1, kind, times=10**6))
    with pytest.raises(PermissionMissing, match=rf"{DENIED}.* - grant roles/bigquery.dataViewer for") as refused:
        call(bench, session)
    assert refused.value.exit_code == 5
    assert plan.struck == 1


def test_job_of_another_account_takes_the_next_id(bench, through, requests_sent):
    session, plan = through(bench.session, Strike(REFUSAL, 1, "jobs.get", times=10**6))
    assert (
        execute_again(bench, session) == 2
    )  # this statement appends unconditionally; those of the pipeline check first or replace
    assert plan.struck == 1
    ids = [sent.body["jobReference"]["jobId"] for sent in requests_sent.jobs]
    first = ids[0].removesuffix("-a1")
    assert [name.removeprefix(first) for name in ids] == ["-a1", "-a1", "-a2"]


def test_too_many_requests_by_403_are_no_missing_permission(bench, through):
    refusal = Fault("status", status=403, reason="rateLimitExceeded")
    session, plan = through(bench.session, Strike(refusal, 1, "jobs.insert"))
    assert execute(bench, session) == 1
    assert plan.struck == 1


def test_lost_reply_attaches_to_the_submitted_job(bench, through, requests_sent):
    session, _ = through(bench.session, Strike(LOST, 1, "jobs.insert"))
    assert execute(bench, session) == 1
    ids = [sent.body["jobReference"]["jobId"] for sent in requests_sent.jobs]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert ids[0].endswith("-a1")


def test_409_then_404_is_waited_for_and_the_job_is_attached_to(bench, through, quick_pauses, requests_sent):
    unknown = Fault("status", status=404, reason="notFound")
    session, plan = through(bench.session, Strike(LOST, 1, "jobs.insert"), Strike(unknown, 1, "jobs.get", times=2))
    assert execute(bench, session) == 1
    assert (plan.struck, plan.calls.count("jobs.get")) == (3, 3)
    assert {sent.body["jobReference"]["jobId"][-3:] for sent in requests_sent.jobs} == {"-a1"}


@pytest.mark.parametrize(
    ("reason", "message"),
    [("backendError", "try again"), ("invalidQuery", CONCURRENT), ("quotaExceeded", TOO_MANY)],
    ids=["DONE with backendError", "concurrent update", "too many statements"],
)
def test_job_with_a_transient_error_gets_the_next_attempt(bench, through, quick_pauses, requests_sent, reason, message):
    failed = Fault("backend_error", reason=reason, message=message)
    session, plan = through(bench.session, Strike(failed, 1, "jobs.insert"))
    assert execute(bench, session) == 1
    assert [sent.body["jobReference"]["jobId"][-3:] for sent in requests_sent.jobs] == ["-a1", "-a2"]
    assert plan.struck == 1


def test_concurrent_updates_of_one_table_both_run_once(bench, connect, quick_pauses, requests_sent):
    rounds, at_once, sessions = 10, Barrier(2), (bench.session, connect(bench.session.target))
    reader(bench.session)("CREATE OR REPLACE TABLE ml.sums AS SELECT 0 AS number")

    def add(session, number):
        for turn in range(rounds):
            at_once.wait(20)
            session.warehouse.execute(bench.statement("add", number, "sums"), step=f"add-{turn}")

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(add, sessions, (1, 100))) == [None, None]
    assert reader(bench.session)("SELECT number FROM ml.sums") == [{"number": 101 * rounds}]
    attempts = {sent.body["jobReference"]["jobId"].rpartition("-")[2] for sent in requests_sent.jobs}
    assert attempts > {"a1"}, "no statement lost a race"


def test_job_with_a_statement_error_is_not_retried(bench, through, requests_sent):
    failed = Fault("backend_error", reason="invalidQuery", message="Syntax error")
    session, _ = through(bench.session, Strike(failed, 1, "jobs.insert"))
    with pytest.raises(RequestError, match="Syntax error, location: US - fix the SQL"):
        execute(bench, session)
    assert len(requests_sent.jobs) == 1


def test_412_for_ones_own_upload_means_that_it_is_done(bench, through, quick_pauses):
    session, plan = through(bench.session, Strike(LOST, 1, "objects.upload"))
    uri, path = session.store.uri("own-upload"), bench.file("content")
    stored = session.store.put_file(path, uri)
    assert plan.calls.count("objects.upload") == 2
    assert "objects.get" in plan.calls
    assert bench.session.store.list(uri) == [stored]
    assert bench.session.store.read_bytes(uri) == b"content"


def test_412_for_another_upload_keeps_the_other_object(bench):
    store, uri = bench.session.store, bench.session.store.uri("anothers-upload")
    first = store.put_file(bench.file("content"), uri)
    with pytest.raises(CloudError, match="anothers-upload: another object exists already - run the command again"):
        store.put_file(bench.file("CONTENT"), uri)
    assert store.list(uri) == [first]


def test_marker_is_created_once_and_later_calls_read_it(bench, through, quick_pauses):
    session, _ = through(bench.session, Strike(LOST, 1, "objects.upload"))
    uri = session.store.uri("once.json")
    assert [session.store.put_json_once({"of": number}, uri) for number in (1, 2)] == [{"of": 1}] * 2
    assert bench.session.store.read_json(uri) == {"of": 1}


def test_a_download_with_a_flipped_bit_is_read_again(bench, through, quick_pauses):
    session, plan = through(bench.session, Strike(Fault("flip_reply", carried_out=True), 1, "objects.download"))
    assert download(bench, session) == {"value": "Zürich"}
    assert plan.calls.count("objects.download") == 2


@pytest.mark.parametrize("number", [1, 2], ids=["file", "marker"])
def test_an_upload_with_a_flipped_bit_does_not_stay(bench, through, quick_pauses, number):
    flip = Fault("flip_request", carried_out=True)
    session, plan = through(bench.session, Strike(flip, number, "objects.upload"))
    assert upload(bench, session) == [True, 2, b"content", {"value": 1}]
    assert plan.struck == 1
