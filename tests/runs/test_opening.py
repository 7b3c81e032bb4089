from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.base.digests import digest_json
from pipeline.errors import RequestError
from pipeline.runs.identity import run_definition
from pipeline.runs.layout import Folder
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import join_run, open_run
from pipeline.runs.tables import ensure_tables
from tests.support.integration_fixtures import reader, with_history_days

DAY = date(2013, 7, 5)


@pytest.fixture(scope="module")
def session(make_empty_session, job):
    session = make_empty_session()
    ensure_tables(session, job)
    return session


def show(session, run):
    """Publish one row of a run."""
    row = f"('{run.run_date}', '{run.run_id}', 'm', 'v@1', '{run.run_date}', 'AA', 1, 'JFK', 0.5)"
    columns = "run_date, run_id, model_id, variant, flight_date, carrier, flight, origin, score"
    reader(session)(f"INSERT INTO ml.{run.job.predictions_table} ({columns}) VALUES {row}")


def test_a_claim_fixes_the_moments_and_the_id_of_a_run(session, job):
    run = open_run(session, job, DAY)
    assert run.run_id.startswith("flight_delay-2013-07-05-")
    assert len(run.run_id.rsplit("-", 1)[1]) == 10
    assert (run.generation, run.champion, run.done_now) == (1, None, set())
    assert run.as_of == datetime(2013, 7, 5, 4, tzinfo=UTC)
    assert abs(datetime.now(UTC) - run.snapshot_at) < timedelta(seconds=60)


def test_a_later_attempt_joins_the_claim(session, job, requests_sent):
    day = date(2013, 7, 6)
    first = open_run(session, job, day)
    Ledger(session, job.name).decide_champion("v@1", day, "first")
    requests_sent.clear()
    second = open_run(session, job, day)
    assert (second.run_id, second.snapshot_at, second.champion) == (first.run_id, first.snapshot_at, None)
    assert requests_sent.writes == []
    assert open_run(session, job, date(2013, 7, 7)).champion == "v@1"


def test_the_claim_holds_all_that_decides_the_predictions(session, job):
    day = date(2013, 6, 1)
    run = open_run(session, job, day)
    uri = session.store.uri("flight_delay", "attempts", str(day), "generations", "000001.json")
    claim = session.store.read_json(uri)
    assert (claim["run_id"], claim["generation"]) == (run.run_id, 1)
    defines = claim["defines"]
    assert set(defines["sql"]) == {job.spec.examples.sql, job.spec.labels.sql, "phases/examples_v1"}
    assert defines["variants"] == [variant.id for variant in job.variants]
    assert {"sources", "shards", "prediction_schema", "code", "time_zone"} <= set(defines)
    assert not {"slices", "headline", "description"} & set(defines)


def test_a_rerun_is_the_next_generation_and_runs_use_the_highest(session, job):
    day = date(2013, 6, 2)
    first = open_run(session, job, day)
    second, third = (open_run(session, job, day, rerun=True) for _ in range(2))
    assert [run.generation for run in (first, second, third)] == [1, 2, 3]
    assert len({run.run_id for run in (first, second, third)}) == 3
    assert open_run(session, job, day).run_id == third.run_id


def test_an_edited_definition_supersedes_the_old_one(session, job):
    day, edited = date(2013, 6, 3), with_history_days(job, 90)
    first = open_run(session, job, day)
    newer = open_run(session, edited, day)
    assert newer.generation == 2
    assert open_run(session, job, day).run_id == join_run(session, job, day).run_id == first.run_id
    show(session, newer)
    for opened in (open_run, join_run):
        with pytest.raises(RequestError, match=f"{day}: this run is superseded by {newer.run_id} - add --rerun"):
            opened(session, job, day)
    assert open_run(session, edited, day).run_id == newer.run_id
    third = open_run(session, job, day, rerun=True)
    assert third.generation == 3
    assert open_run(session, edited, day).run_id == newer.run_id
    show(session, third)
    with pytest.raises(RequestError, match="superseded"):
        open_run(session, edited, day)


def test_joining_claims_nothing(session, job):
    day = date(2013, 6, 8)
    with pytest.raises(RequestError, match=f"{day}: nothing was done with this SQL.* - run train"):
        join_run(session, job, day)
    other = open_run(session, with_history_days(job, 90), day)
    with pytest.raises(RequestError, match=f"{other.run_id} has another definition"):
        join_run(session, job, day)
    assert open_run(session, job, day).generation == 2


def test_a_void_run_is_followed_by_another_with_a_newer_snapshot(session, job):
    day = date(2013, 6, 4)
    first = open_run(session, job, day)
    first.void("the sources lack the date")
    assert session.store.read_json(first.layout.void) == {"reason": "the sources lack the date"}
    second = open_run(session, job, day)
    assert (second.generation, open_run(session, job, day).generation) == (2, 2)
    assert second.snapshot_at > first.snapshot_at


def test_of_two_claims_at_once_one_wins_and_both_use_it(session, job, connect):
    day, barrier, runs = date(2013, 6, 5), threading.Barrier(2), {}
    sessions = [session, connect(session.target)]

    def claim(number):
        barrier.wait()
        runs[number] = open_run(sessions[number], job, day)

    threads = [threading.Thread(target=claim, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert runs[0].run_id == runs[1].run_id
    assert runs[0].snapshot_at == runs[1].snapshot_at


@pytest.mark.parametrize(("rerun", "day"), [(False, date(2013, 6, 6)), (True, date(2013, 6, 7))])
def test_two_definitions_at_once_are_two_generations(session, job, monkeypatch, rerun, day):
    rival, winners = with_history_days(job, 90), []
    original = Ledger.run_start

    def overtaken(ledger, run_date):
        if not winners:
            winners.append(None)  # the winner asks the ledger, too
            winners[0] = open_run(session, rival, day)
        return original(ledger, run_date)

    monkeypatch.setattr(Ledger, "run_start", overtaken)
    run = open_run(session, job, day, rerun=rerun)
    assert (winners[0].generation, run.generation) == (1, 2)
    assert run.run_id != winners[0].run_id
    folder = session.store.uri(job.name, "attempts", str(day), "generations")
    claims = [session.store.read_json(f"{folder}/00000{number}.json") for number in (1, 2)]
    assert [claim["run_id"] for claim in claims] == [winners[0].run_id, run.run_id]
    definitions = [digest_json(run_definition(each, session.catalogue)) for each in (rival, job)]
    assert [claim["definition"] for claim in claims] == definitions
    assert open_run(session, job, day).run_id == run.run_id


def test_names_of_a_run_hold_its_date_and_id(session, job):
    run = open_run(session, job, DAY)
    target = session.target
    assert (
        run.layout.run_folder(Folder.MODELS)
        == f"gs://{target.bucket}/{target.prefix}/flight_delay/models/{DAY}/{run.run_id}/"
    )
    table = run.table("examples")
    assert (table.dataset, table.name) == (
        target.runs_dataset,
        f"flight_delay__20130705__{run.run_id.rsplit('-', 1)[1]}__examples",
    )
    assert run.billing_labels("train") == {"job": "flight_delay", "run_id": run.run_id, "phase": "train"}


@pytest.mark.parametrize(("day", "hour"), [(date(2013, 1, 15), 5), (date(2013, 7, 15), 4), (date(2013, 3, 10), 5)])
def test_as_of_is_local_midnight_in_summer_and_winter(session, job, day, hour):
    assert open_run(session, job, day).as_of == datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
