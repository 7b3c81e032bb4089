from __future__ import annotations

import pytest

from pipeline.ledger import Ledger
from pipeline.phases.run import run_job
from pipeline.setup import ensure_tables
from tests.changed_variants import (
    DAYS,
    FIRST,
    LAST,
    MIDDLE,
    ROWS,
    decisions,
    job_of,
    job_with_prior,
    rate,
    seen,
    verdicts,
    with_version,
)


@pytest.fixture
def old(job):
    return job_with_prior(job, 20.0)


@pytest.fixture
def new(job):
    return job_with_prior(job, 5.0)


def backfill(session, job, days=DAYS):
    for day in days:
        assert run_job(session, job, day).status == "done"


def shown(old, new, changed):
    """What consumers should see where the new variant was made for some run dates."""
    return {day: ((new if day in changed else old).variants[0].id, ROWS) for day in DAYS}


@pytest.mark.parametrize("order", [DAYS, DAYS[::-1], [MIDDLE, LAST, FIRST]], ids=["forward", "backward", "mixed"])
@pytest.mark.parametrize("changed", DAYS, ids=["first", "middle", "last"])
def test_a_changed_variant_is_read_where_it_was_made_and_the_old_one_elsewhere(
    fresh_session, old, new, order, changed
):
    backfill(fresh_session, old, order)
    before, after = old.variants[0].id, new.variants[0].id
    assert decisions(fresh_session) == [(order[0], before, "first")]
    run_job(fresh_session, new, changed)
    assert seen(fresh_session) == shown(old, new, [changed])
    assert (changed, after, f"{before} is no variant of the job any more") in decisions(fresh_session)
    assert set(verdicts(fresh_session)) == {(order[0], before, "first"), (changed, after, "replace")}


def test_the_other_dates_follow_one_by_one(fresh_session, old, new):
    backfill(fresh_session, old)
    for number, day in enumerate(DAYS, start=1):
        run_job(fresh_session, new, day)
        assert seen(fresh_session) == shown(old, new, DAYS[:number])
    assert [verdict[2] for verdict in verdicts(fresh_session)] == ["first", "replace", "replace", "replace"]


def test_a_variant_that_comes_back_is_read_again(fresh_session, old, new):
    backfill(fresh_session, old, [FIRST])
    for current in (new, old, new, old):
        run_job(fresh_session, current, FIRST, rerun=True)
        assert seen(fresh_session) == {FIRST: (current.variants[0].id, ROWS)}
    assert [variant for _, variant, _ in decisions(fresh_session)] == [
        current.variants[0].id for current in (old, new, old, new, old)
    ]
    assert len(set(verdicts(fresh_session))) == len(verdicts(fresh_session)) == 3


def test_a_champion_that_is_a_variant_still_stays(fresh_session, job, old):
    backfill(fresh_session, old, [FIRST])
    both = job_of(job, rate(job, 5.0, "better"), *old.variants)
    run_job(fresh_session, both, MIDDLE)
    assert len(decisions(fresh_session)) == len(verdicts(fresh_session)) == 1
    assert seen(fresh_session) == {day: (old.variants[0].id, ROWS) for day in (FIRST, MIDDLE)}


def test_a_rerun_of_the_same_variant_decides_nothing(fresh_session, old):
    backfill(fresh_session, old, [FIRST])
    run_job(fresh_session, old, FIRST, rerun=True)
    assert len(decisions(fresh_session)) == len(verdicts(fresh_session)) == 1


def test_a_decision_that_stands_is_not_taken_again(make_empty_session, old):
    session = make_empty_session()
    ensure_tables(session, old)
    ledger = Ledger(session, old.name)
    taken = [ledger.decide_champion(name, FIRST, reason) for name, reason in (("a", "first"), ("b", "x"), ("b", "x"))]
    assert taken == [True, True, False]
    assert ledger.decide_champion("a", FIRST, "y")
    assert [variant for _, variant, _ in decisions(session)] == ["a", "b", "a"]
    assert not ledger.decide_champion("c", FIRST, "first")


@pytest.mark.parametrize(("method", "call"), [("decide_champion", 1), ("decide_champion", 2), ("record_verdict", 1)])
def test_a_change_that_was_cut_short_leaves_readers_everywhere(fresh_session, old, new, monkeypatch, method, call):
    backfill(fresh_session, old)
    with monkeypatch.context() as patch:
        original, calls = getattr(Ledger, method), []

        def killed(self, *args):
            calls.append(args)
            if len(calls) == call:
                raise KeyboardInterrupt
            return original(self, *args)

        patch.setattr(Ledger, method, killed)
        with pytest.raises(KeyboardInterrupt):
            run_job(fresh_session, new, FIRST)
    run_job(fresh_session, new, FIRST)
    assert seen(fresh_session) == shown(old, new, [FIRST])
    assert verdicts(fresh_session)[-1] == (FIRST, new.variants[0].id, "replace")


def test_another_version_of_the_predictions_is_what_consumers_read(fresh_session, old):
    backfill(fresh_session, old, [FIRST, MIDDLE])
    newer = with_version(old, 2)
    run_job(fresh_session, newer, LAST)
    assert seen(fresh_session) == {LAST: (old.variants[0].id, ROWS)}
    ensure_tables(fresh_session, old)
    assert seen(fresh_session) == {day: (old.variants[0].id, ROWS) for day in (FIRST, MIDDLE)}
