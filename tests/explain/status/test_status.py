"""The status of run dates: finished, killed, superseded and void runs, and what the next command would do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from google.api_core.exceptions import BadRequest

from pipeline.errors import PermissionMissing, RequestError
from pipeline.explain.status.lines import date_lines, recent_dates, recent_lines
from pipeline.explain.status.run_facts import PhaseState
from pipeline.explain.status.status import new_generation, remaining_work, status_of
from pipeline.phases import predict, train
from pipeline.phases.run import evaluate_matured, run_job, run_phase
from pipeline.runs.opening import open_run
from pipeline.runs.tables import ensure_tables
from tests.support.integration_fixtures import edited, quick, reader, with_history_days

DONE_DAY, PART_DAY, VOID_DAY = date(2013, 7, 3), date(2013, 7, 4), date(2013, 9, 1)
GONE_DAY = date(2013, 7, 2)
LABEL_DAYS = [date(2013, 7, 1), date(2013, 7, 2)]
PHASES = ["preprocess", "train", "predict", "load", "evaluate"]


def states(run):
    return {phase.phase: phase.state for phase in run.phases}


def summary(run, phase):
    return next(state.summary for state in run.phases if state.phase == phase)


def interrupted(*_, **__):
    raise KeyboardInterrupt


def submit(client, sql, job_id):
    client.query(sql, job_id=job_id, job_retry=None, timeout=20).result(timeout=20)


@pytest.fixture
def late(quick_job):
    """The job, with labels that never mature: no run date of other tests is due for an evaluation."""
    return edited(quick_job, labels=quick_job.spec.labels.model_copy(update={"delay_days": 300}))


@pytest.fixture(scope="module")
def done(session, quick_job):
    return run_job(session, quick_job, DONE_DAY)


def test_status_of_an_empty_place_only_reads(make_target, connect, job, requests_sent):
    session = connect(make_target().model_copy(update={"bucket": "no-such-bucket"}))
    state = status_of(session, job, DONE_DAY)
    assert (state.runs, state.next) == ([], "claims generation 1, then preprocess, train, predict, load")
    assert recent_dates(session, job, 7) == []
    assert list(date_lines(state)) == [
        "flight_delay 2013-07-03: nothing was done yet",
        f"next: pipeline run flight_delay --run-date 2013-07-03: {state.next}",
    ]
    assert list(recent_lines("flight_delay", [], "gs://no-such-bucket/flight_delay")) == [
        "flight_delay: nothing was done yet in gs://no-such-bucket/flight_delay"
    ]
    assert {sent.method for sent in requests_sent.sent} == {"GET"}


def test_run_date_without_claims_was_not_done(make_empty_session, job):
    session = make_empty_session()
    ensure_tables(session, job)
    for name in (str(DONE_DAY), "2013-13-45"):
        session.store.put_json_once({}, session.store.uri(job.name, "attempts", name, "x.json"))
    assert status_of(session, job, DONE_DAY).runs == []
    assert recent_dates(session, job, 7) == []


@pytest.mark.cloud
def test_finished_run_shows_every_phase_with_rows_and_seconds(session, quick_job, done):
    (run,) = status_of(session, quick_job, DONE_DAY).runs
    assert (run.run_id, run.generation, run.state, run.present) == (done.run_id, 1, "published", True)
    assert states(run) == dict.fromkeys(PHASES[:4], "done") | {"evaluate": "missing"}
    shown = {phase.phase: (phase.rows, phase.seconds) for phase in run.phases[:4]}
    assert {phase: rows for phase, (rows, _) in shown.items()} == {phase: done.rows[phase] for phase in PHASES[:4]}
    assert all(seconds > 0 for _, seconds in shown.values())
    assert summary(run, "train") == "2 of 2 variants"
    assert summary(run, "load") == "2 of 2 variants published, 32 of 32 rows"
    command = "run pipeline evaluate flight_delay --as-of 2013-07-05"
    assert summary(run, "evaluate") == f"labels matured on 2013-07-05; not evaluated yet: {command}"


@pytest.mark.cloud
def test_status_only_reads(session, quick_job, done, requests_sent):
    status_of(session, quick_job, DONE_DAY)
    recent_dates(session, quick_job, 7)
    assert requests_sent.writes == []
    assert requests_sent.sent != []


def test_next_run_evaluates_due_run_dates(session, quick_job, done):
    state = status_of(session, quick_job, date(2013, 7, 5))
    assert state.runs == []
    run_phase(session, quick_job, date(2013, 7, 5), "preprocess")
    state = status_of(session, quick_job, date(2013, 7, 5))
    assert state.next.endswith("then load, then evaluate 2013-07-03 where labels are known")


def test_finished_evaluation_is_shown(session, quick_job, done):
    evaluate_matured(session, quick_job, DONE_DAY + timedelta(days=2))
    state = status_of(session, quick_job, DONE_DAY)
    (run,) = state.runs
    assert states(run)["evaluate"] == "done"
    assert run.phases[-1].rows > 0
    assert state.next == "nothing: all done"
    line = next(line for line in recent_dates(session, quick_job, 7) if line.run_date == DONE_DAY)
    assert list(recent_lines("flight_delay", [line], "")) == [
        f"2013-07-03  {run.run_id}  generation 1  32 rows published, evaluated"
    ]


@pytest.mark.cloud
@pytest.mark.matrix(1)
@pytest.mark.parametrize(
    ("number", "killed_in", "expected", "next_work"),
    [
        (
            0,
            "pipeline.phases.preprocess._count",
            ["missing"] * 5,
            "preprocess, then train flight_delay's 2 missing variants, then predict, then load",
        ),
        (
            1,
            "pipeline.phases.train._training_data",
            ["done", "missing", "missing", "missing", "missing"],
            "train flight_delay's 2 missing variants, then predict, then load",
        ),
        (
            2,
            "pipeline.phases.predict.commit_manifest",
            ["done", "done", "part", "missing", "missing"],
            "predict, then load",
        ),
        (3, "pipeline.phases.load.load_from_uris", ["done", "done", "done", "missing", "missing"], "load"),
        (4, "pipeline.phases.load.name_champion", ["done", "done", "done", "missing", "missing"], "load"),
    ],
)
def test_killed_run_shows_its_finished_phases(session, late, number, killed_in, expected, next_work, monkeypatch):
    day = date(2013, 6, 26 + number)
    with monkeypatch.context() as patch:
        patch.setattr(killed_in, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_job(session, late, day)
    state = status_of(session, late, day)
    (run,) = state.runs
    assert run.state == "unfinished"
    assert states(run) == dict(zip(PHASES, expected, strict=True))
    assert state.next == next_work
    (line,) = [line for line in recent_dates(session, late, 99) if line.run_date == day]
    assert line.summary.startswith("unfinished: ")
    assert run_job(session, late, day).status == "done"
    assert status_of(session, late, day).next == "nothing: all done"


def test_missing_variant_is_named_and_shards_are_counted(session, job, late, monkeypatch):
    three = edited(quick(job, variants=("logistic_regression", "carrier_hour_rate")), labels=late.spec.labels)
    original, fitted = train._train_variant, []

    def twice(run, variant, *training):
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(variant)
        return original(run, variant, *training)

    with monkeypatch.context() as patch:
        patch.setattr(train, "_train_variant", twice)
        with pytest.raises(KeyboardInterrupt):
            run_job(session, three, PART_DAY)
    state = status_of(session, three, PART_DAY)
    missing = ({variant.id for variant in three.variants} - {variant.id for variant in fitted}).pop()
    assert summary(state.runs[0], "train") == f"2 of 3 variants; missing: {missing}"
    assert state.next == "train flight_delay's 1 missing variant, then predict, then load"

    commit, committed = predict.commit_shard, []

    def four(*arguments, **options):
        if len(committed) == 4:
            raise KeyboardInterrupt
        committed.append(commit(*arguments, **options))
        return committed[-1]

    with monkeypatch.context() as patch:
        patch.setattr(predict, "commit_shard", four)
        with pytest.raises(KeyboardInterrupt):
            run_job(session, three, PART_DAY)
    (run,) = status_of(session, three, PART_DAY).runs
    assert states(run)["predict"] == "part"
    ids = [variant.id for variant in three.variants]
    shards = zip(ids, (2, 1, 1), strict=True)
    assert summary(run, "predict") == "0 of 3 variants" + "".join(f"; {name}: {n} of 2 shards" for name, n in shards)


def test_changed_definition_claims_a_generation_and_says_why(session, late, done):
    changed = with_history_days(late, 20)
    state = status_of(session, changed, DONE_DAY)
    (run,) = state.runs
    assert (run.run_id, run.present, run.state) == (done.run_id, False, "published")
    assert state.next == (
        f"claims generation 2 because examples changed since {done.run_id}, then preprocess, train, predict, load"
    )
    assert "with another definition than the job's current one" in next(date_lines(state))


def test_void_run_claims_a_generation_and_says_why(session, quick_job):
    with pytest.raises(RequestError, match="nothing to score"):
        run_job(session, quick_job, VOID_DAY)
    state = status_of(session, quick_job, VOID_DAY)
    (run,) = state.runs
    assert (run.state, "nothing to score" in run.why) == ("void", True)
    assert state.next.startswith(f"claims generation 2 because {run.run_id} is void (flight_delay 2013-09-01: nothing")
    assert recent_dates(session, quick_job, 1)[0].summary.startswith("void: flight_delay 2013-09-01: nothing to score")


def test_superseded_run_is_shown_with_the_newer_one(session, late, done):
    newer = run_job(session, with_history_days(late, 20), DONE_DAY)
    state = status_of(session, late, DONE_DAY)
    assert [(run.run_id, run.state, run.why) for run in state.runs] == [
        (done.run_id, "superseded", newer.run_id),
        (newer.run_id, "published", ""),
    ]
    assert state.next == f"nothing: superseded by {newer.run_id}; --rerun publishes this definition again"
    with pytest.raises(RequestError, match="superseded"):
        open_run(session, late, DONE_DAY)
    assert summary(state.runs[0], "evaluate") == f"{newer.run_id} published last"


def test_only_an_unfinished_run_makes_removed_examples_again(session, late):
    run_phase(session, late, GONE_DAY, "preprocess")
    run = open_run(session, late, GONE_DAY)
    reader(session)(f"DROP TABLE `{run.table('examples')}`")
    state = status_of(session, late, GONE_DAY)
    assert states(state.runs[0])["preprocess"] == "part"
    assert summary(state.runs[0], "preprocess").endswith("__examples is gone")
    assert state.next.startswith("preprocess, then train")
    run_job(session, late, GONE_DAY)
    reader(session)(f"DROP TABLE `{run.table('examples')}`")
    state = status_of(session, late, GONE_DAY)
    assert (states(state.runs[0])["preprocess"], state.next) == ("done", "nothing: all done")


@pytest.mark.cloud
def test_failed_checks_and_failed_jobs_are_shown(fresh_session, quick_job, monkeypatch):
    run_phase(fresh_session, quick_job, PART_DAY, "preprocess")
    run = open_run(fresh_session, quick_job, PART_DAY)
    reader(fresh_session)(
        "UPDATE ledger.events_v1 SET row_count = 3,"
        """ details = '{"checks": [{"check": "not_null dest", "failed": 3}, {"check": "unique id", "failed": 0}]}'"""
        " WHERE event = 'checked'"
    )
    client = fresh_session.warehouse._client
    with pytest.raises(BadRequest, match="too bad"):
        submit(client, "SELECT ERROR('too bad')", f"{run.run_id}-examples-x-a1")
    state = status_of(fresh_session, quick_job, PART_DAY)
    assert state.runs[0].failed_checks == ["not_null dest: 3 wrong"]
    assert state.runs[0].failed_job.startswith(f"{run.run_id}-examples-x-a1: ")
    assert "too bad" in state.runs[0].failed_job
    lines = list(date_lines(state))
    assert "  check failed: not_null dest: 3 wrong" in lines
    assert any(line.startswith("  last failed job: ") for line in lines)
    submit(client, "SELECT 1", f"{run.run_id}-examples-x-a2")
    assert status_of(fresh_session, quick_job, PART_DAY).runs[0].failed_job == ""

    def refused(*_):
        raise PermissionMissing("listing BigQuery jobs: bigquery.jobs.listAll")

    monkeypatch.setattr(type(fresh_session.warehouse), "recent_jobs", refused)
    failed_job = status_of(fresh_session, quick_job, PART_DAY).runs[0].failed_job
    assert failed_job == "unknown: listing BigQuery jobs: bigquery.jobs.listAll"


@pytest.mark.parametrize(
    ("states", "missing", "due", "expected"),
    [
        ("done done done done", 0, [], "nothing: all done"),
        ("", 0, [], "nothing: all done"),
        ("done done done done", 0, LABEL_DAYS, "evaluate 2013-07-01, 2013-07-02 where labels are known"),
        ("done part missing missing", 1, [], "train j's 1 missing variant, then predict, then load"),
        ("part missing missing missing", 2, LABEL_DAYS[:1], "preprocess, then train j's 2 missing variants, then "),
        ("done done part missing", 0, [], "predict, then load"),
        ("done done done part", 0, [], "load"),
    ],
)
def test_remaining_work_is_named_in_order(states, missing, due, expected):
    phases = [PhaseState(phase, state, "") for phase, state in zip(PHASES[:4], states.split(), strict=False)]
    assert remaining_work("j", phases, missing, due).startswith(expected)


def test_new_generation_does_every_phase():
    assert new_generation(1, "", []) == "claims generation 1, then preprocess, train, predict, load"
    assert new_generation(3, "shards changed", LABEL_DAYS[:1]) == (
        "claims generation 3 because shards changed, then preprocess, train, predict, load,"
        " then evaluate 2013-07-01 where labels are known"
    )
