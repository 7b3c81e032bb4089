from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from pipeline.runs.artefacts.predictions import Manifest
from pipeline.runs.champions import name_champion
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import open_run
from pipeline.runs.tables import ensure_tables
from tests.support.changed_variants import (
    DAYS,
    FIRST,
    LAST,
    MIDDLE,
    decisions,
    job_of,
    job_with_prior,
    publish,
    rate,
    seen,
    verdicts,
    with_version,
)


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture
def own(job):
    """A job with its own name, so that other tests name no champion of it."""
    return replace(job, name=f"j{uuid4().hex[:8]}")


@pytest.fixture
def old(own):
    return job_with_prior(own, 20.0)


@pytest.fixture
def new(own):
    return job_with_prior(own, 5.0)


def champion(job):
    return job.variants[0].id


def shown(old, new, changed):
    """What consumers should see where the new variant was made for some run dates."""
    return {day: champion(new if day in changed else old) for day in DAYS}


UP, DOWN, MIXED = DAYS, [LAST, MIDDLE, FIRST], [MIDDLE, LAST, FIRST]


@pytest.mark.matrix(3)
@pytest.mark.parametrize(
    ("order", "changed"),
    [(UP, FIRST), (UP, MIDDLE), (UP, LAST), (DOWN, FIRST), (DOWN, LAST), (MIXED, MIDDLE)],
    ids=["up-first", "up-middle", "up-last", "down-first", "down-last", "mixed-middle"],
)
def test_a_changed_variant_is_champion_only_of_its_run_date(session, old, new, order, changed):
    for day in order:
        publish(session, old, day)
    assert decisions(session, old) == [(order[0], champion(old), "first")]
    publish(session, new, changed)
    assert seen(session, old) == shown(old, new, [changed])
    assert decisions(session, old)[-1] == (changed, champion(new), f"{champion(old)} is no longer a variant of the job")
    assert sorted(verdicts(session, old)) == sorted(
        [(order[0], champion(old), "first"), (changed, champion(new), "replace")]
    )


def test_other_run_dates_change_one_by_one(session, old, new):
    for day in DAYS:
        publish(session, old, day)
    for number, day in enumerate(DAYS, start=1):
        publish(session, new, day)
        assert seen(session, old) == shown(old, new, DAYS[:number])
    assert [verdict[2] for verdict in verdicts(session, old)] == ["first", "replace", "replace", "replace"]


def test_a_variant_that_returns_is_champion_again(session, old, new):
    publish(session, old, FIRST)
    for current in (new, old, new):
        publish(session, current, FIRST)
        assert seen(session, old) == {FIRST: champion(current)}
    assert [variant for _, variant, _ in decisions(session, old)] == [champion(each) for each in (old, new, old, new)]
    assert len(set(verdicts(session, old))) == len(verdicts(session, old)) == 3


def test_publishing_again_decides_nothing(session, old):
    for _ in range(2):
        publish(session, old, FIRST)
    assert len(decisions(session, old)) == len(verdicts(session, old)) == 1


def test_a_champion_that_is_still_a_variant_stays(session, own, old):
    publish(session, old, FIRST)
    publish(session, job_of(own, rate(own, 5.0, "better"), *old.variants), MIDDLE)
    assert len(decisions(session, old)) == len(verdicts(session, old)) == 1
    assert seen(session, old) == dict.fromkeys((FIRST, MIDDLE), champion(old))


def test_a_variant_without_predictions_is_not_named(session, old):
    name_champion(open_run(session, old, FIRST), [Manifest("r", "m", "another@1", ())])
    assert decisions(session, old) == verdicts(session, old) == []


def test_a_decision_in_force_is_not_repeated(session, old):
    ensure_tables(session, old)
    ledger = Ledger(session, old.name)
    taken = [ledger.decide_champion(name, FIRST, reason) for name, reason in (("a", "first"), ("b", "x"), ("b", "x"))]
    assert taken == [True, True, False]
    assert ledger.decide_champion("a", FIRST, "y")
    assert not ledger.decide_champion("c", FIRST, "first")
    assert [variant for _, variant, _ in decisions(session, old)] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("method", "said"),
    [("decide_champion", LAST), ("record_verdict", "replace"), ("decide_champion", "is no longer a variant")],
    ids=["named-later", "verdict", "named"],
)
def test_an_interrupted_change_is_finished_by_the_next_load(session, old, new, monkeypatch, method, said):
    for day in (MIDDLE, FIRST, LAST):
        publish(session, old, day)
    original = getattr(Ledger, method)

    def killed(self, *args):
        if any(str(said) in str(arg) for arg in args):
            raise KeyboardInterrupt
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, method, killed)
        with pytest.raises(KeyboardInterrupt):
            publish(session, new, MIDDLE)
    assert {day: seen(session, old).get(day) for day in (FIRST, LAST)} == dict.fromkeys((FIRST, LAST), champion(old))
    publish(session, new, MIDDLE)
    assert seen(session, old) == shown(old, new, [MIDDLE])
    assert verdicts(session, old)[-1] == (MIDDLE, champion(new), "replace")


def test_an_interrupted_first_verdict_is_recorded_later(session, old, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_verdict", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(session, old, FIRST)
    assert decisions(session, old) == [(FIRST, champion(old), "first")]
    assert verdicts(session, old) == []
    publish(session, old, LAST)
    assert verdicts(session, old) == []
    publish(session, old, FIRST)
    assert verdicts(session, old) == [(FIRST, champion(old), "first")]


def test_consumers_read_the_present_version_of_predictions(session, old):
    newer = with_version(old, 2)
    publish(session, old, FIRST)
    publish(session, newer, LAST)
    assert seen(session, old) == {LAST: champion(old)}
    ensure_tables(session, old)
    assert seen(session, old) == {FIRST: champion(old)}
