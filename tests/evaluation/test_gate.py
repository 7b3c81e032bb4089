from __future__ import annotations

import pytest

from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.evaluation.gate import gate_job
from pipeline.phases.run import evaluate_matured
from pipeline.project.job_yaml import Gate
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import open_run
from pipeline.runs.tables import ensure_tables
from tests.support.changed_variants import publish, seen
from tests.support.gate_lab import (
    BETTER,
    champions,
    compare,
    day,
    gated_job,
    life,
    mature,
    publish_days,
    variant,
    verdicts,
)
from tests.support.integration_fixtures import edited, reader


@pytest.fixture(scope="module")
def session(make_session):
    return make_session()


def said(session, job):
    return [(row["run_date"], row["challenger"], row["verdict"]) for row in verdicts(session, job)]


@pytest.mark.cloud
def test_a_promotion_holds_after_the_last_published_run_date(session, job):
    own = gated_job(job)
    life(session, own, 4, {"new": BETTER})
    new = gate_job(session, own, mature(1))
    assert [(row["run_date"], row["verdict"], row["n"], row["needed_n"]) for row in new] == [
        (day(0), "too-few-labels", 1, 3),
        (day(1), "too-few-labels", 2, 3),
    ]
    assert new[1]["reason"] == "2 of the 3 days of window 1 are known"
    (promotion,) = gate_job(session, own, mature(2))
    assert (promotion["verdict"], promotion["champion"]) == ("promote", variant(own, "old"))
    assert promotion["difference"] == pytest.approx(0.031)
    assert 0 < promotion["low"] < 0.031 < promotion["high"]
    assert promotion["reason"].startswith(
        "log_loss is better by 0.031 on average over the 3 days of window 1 up to 2013-07-03, and by at least 0.0"
    )
    assert champions(session, own) == [(day(0), "old"), (mature(2), "new")]
    assert seen(session, own) == dict.fromkeys((day(0), day(1), day(2), day(3)), variant(own, "old"))


def test_a_champion_named_again_keeps_the_window_of_earlier_days(session, job):
    """A variant that is rolled back on the day of its promotion was never in force, so the window has no gap."""
    own = edited(gated_job(job), gate=Gate(metric="log_loss", min_days=3, max_windows=9))
    life(session, own, 6, {"new": [*BETTER, *BETTER]})
    (promotion,) = [row for row in gate_job(session, own, mature(2)) if row["verdict"] == "promote"]
    start = champions(session, own)[-1][0]
    Ledger(session, own.name).decide_champion(variant(own, "old"), start, "rolled back: by hand")
    assert champions(session, own) == [(day(0), "old"), (start, "new"), (start, "old")]
    again = gate_job(session, own, mature(5))
    assert [row["verdict"] for row in again] == ["too-few-labels", "too-few-labels", "promote"]
    assert again[-1]["run_date"] < start
    assert again[-1]["reason"] != promotion["reason"]
    assert champions(session, own)[-1] == (mature(5), "new")


def test_a_promotion_never_changes_what_consumers_have_read(session, job):
    own = gated_job(job)
    life(session, own, 9, {"new": BETTER})
    gate_job(session, own, mature(2))
    assert champions(session, own)[-1] == (day(9), "new")
    assert open_run(session, own, day(8)).champion == variant(own, "old")
    assert open_run(session, own, day(9)).champion == variant(own, "new")
    publish(session, own, day(9))
    assert set(seen(session, own).items()) >= {(day(8), variant(own, "old")), (day(9), variant(own, "new"))}


@pytest.mark.cloud
def test_a_run_date_is_judged_once(session, job, requests_sent):
    own = gated_job(job)
    life(session, own, 3, {"new": BETTER})
    gate_job(session, own, mature(2))
    before = verdicts(session, own)
    requests_sent.clear()
    assert gate_job(session, own, mature(2)) == gate_job(session, own, mature(5)) == []
    assert requests_sent.writes == []
    assert verdicts(session, own) == before


@pytest.fixture(scope="module")
def undisturbed(session, job):
    """The job whose gate was not killed."""
    own = gated_job(job)
    life(session, own, 5, {"new": [*BETTER, -0.1, -0.1]})
    gate_job(session, own, mature(4))
    return own


@pytest.mark.cloud
@pytest.mark.parametrize(("step", "times"), [("verdicts", 0), ("promotion", 0), ("promotion", 1)])
def test_a_killed_gate_leaves_the_same_rows_after_a_retry(session, job, undisturbed, monkeypatch, step, times):
    own = gated_job(job)
    life(session, own, 5, {"new": [*BETTER, -0.1, -0.1]})
    original = Warehouse.execute

    def killed(self, statement, **options):
        if options["step"].endswith(f"-{step}"):
            if times:
                original(self, statement, **options)
            raise KeyboardInterrupt
        return original(self, statement, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "execute", killed)
        with pytest.raises(KeyboardInterrupt):
            gate_job(session, own, mature(4))
    gate_job(session, own, mature(4))
    assert verdicts(session, own) == verdicts(session, undisturbed)
    assert champions(session, own) == champions(session, undisturbed) == [(day(0), "old"), (mature(4), "new")]
    assert said(session, own)[2:] == [
        (day(2), "new", "promote"),
        (day(3), "new", "keep"),
        (day(4), "new", "keep"),
    ]


@pytest.mark.cloud
def test_only_the_best_passing_challenger_is_promoted(session, job):
    own = gated_job(job, "good", "best")
    life(session, own, 4, {"good": [*BETTER, -9], "best": [2 * value for value in (*BETTER, -9)]})
    gate_job(session, own, mature(3))
    assert said(session, own)[4:] == [
        (day(2), "best", "promote"),
        (day(2), "good", "keep"),
        (day(3), "best", "keep"),
        (day(3), "good", "keep"),
    ]
    reasons = [row["reason"] for row in verdicts(session, own)[5:]]
    best = variant(own, "best")
    assert reasons[0].endswith(f"but {best} gains more and is promoted")
    assert reasons[1] == reasons[2] == f"{best} is champion from {mature(3)} on"
    assert len(champions(session, own)) == 2


def test_a_gain_that_may_be_chance_keeps_the_champion(session, job):
    own = gated_job(job)
    life(session, own, 8, {"new": [-0.01, -0.05, -0.03, 0.01, 0.02, 0.0, -9, -9]})
    gate_job(session, own, mature(7))
    rows = verdicts(session, own)
    kept = [row for row in rows if row["verdict"] == "keep"]
    assert [(row["run_date"], row["n"], row["needed_n"]) for row in kept] == [
        (day(2), 3, 5),
        (day(5), 3, None),
        (day(6), None, None),
        (day(7), None, None),
    ]
    assert "which may be chance: -0.0" in kept[0]["reason"]
    assert kept[1]["reason"] == (
        "log_loss is worse by 0.01 on average over the 3 days of window 2: a gain of more than 0 is wanted"
    )
    assert kept[2]["reason"] == "its 2 windows with this champion are used up"
    assert champions(session, own) == [(day(0), "old")]


def test_a_broken_guard_rail_keeps_the_champion(session, job):
    own = gated_job(job)
    publish_days(session, own, 3)
    compare(session, own, 0, BETTER)
    compare(session, own, 0, [-0.02, 0.0, -0.02], metric="auc")
    gate_job(session, own, mature(2))
    assert said(session, own)[-1] == (day(2), "new", "keep")
    assert verdicts(session, own)[-1]["reason"].endswith(
        "but auc got worse than allowed, or is not known (allowed: auc 0.01)"
    )


def test_a_day_without_the_metric_does_not_count(session, job):
    own = gated_job(job)
    life(session, own, 4, {"new": [BETTER[0], None, *BETTER[1:]]})
    gate_job(session, own, mature(3))
    assert [verdict for _, _, verdict in said(session, own)] == ["too-few-labels"] * 3 + ["promote"]
    assert verdicts(session, own)[1]["reason"] == (
        "log_loss is not defined for both on this day; 1 of the 3 days of window 1 are known"
    )


def test_a_removed_variant_is_not_promoted(session, job):
    own = gated_job(job, "gone")
    life(session, own, 3, {"gone": BETTER})
    only = [each for each in own.variants if each.name == "old"]
    without = edited(own, variants=["old"])
    assert gate_job(session, type(own)(own.name, own.folder, without.spec, tuple(only)), mature(2)) == []
    assert champions(session, own) == [(day(0), "old")]


def test_a_job_without_a_gate_has_no_verdicts(session, job):
    own = gated_job(job, gate=None)
    life(session, own, 3, {"new": BETTER})
    assert gate_job(session, own, mature(2)) == []
    assert verdicts(session, own) == []


def test_without_labels_or_champion_a_verdict_has_no_challenger(session, job, requests_sent):
    own = edited(gated_job(job), labels=job.spec.labels.model_copy(update={"delay_days": 0}))
    ensure_tables(session, own)
    publish_only(session, own)
    for _ in range(2):
        assert evaluate_matured(session, own, day(3)).evaluated == []
    Ledger(session, own.name).decide_champion(variant(own, "old"), day(3), "first")
    for _ in range(2):
        assert evaluate_matured(session, own, day(3)).evaluated == []
    requests_sent.clear()
    assert evaluate_matured(session, own, day(3)).evaluated == []
    assert not [sent for sent in requests_sent.writes if "verdicts_v1" in sent.statement]  # not even tried
    Ledger(session, own.name).decide_champion(variant(own, "new"), day(3), "by hand")
    assert evaluate_matured(session, own, day(3)).evaluated == []
    assert [
        (row["champion"], row["challenger"], row["verdict"], row["reason"], row["n"]) for row in verdicts(session, own)
    ] == [
        ("", None, "keep", "no champion yet", 0),
        ("old", None, "too-few-labels", "no label is known yet", 0),
        ("new", None, "too-few-labels", "no label is known yet", 0),
    ]


def publish_only(session, job):
    """One published row of each variant with its event, and no champion."""
    from pipeline.runs.ledger.ledger import Event

    run = open_run(session, job, day(3))
    for each in job.variants:
        columns = "run_date, run_id, model_id, variant, generation, flight_date, carrier, flight, origin, score"
        values = f"('{day(3)}', '{run.run_id}', 'm', '{each.id}', 1, '{day(3)}', 'AA', 1, 'JFK', 0.5)"
        reader(session)(f"INSERT INTO ml.{job.predictions_table} ({columns}) VALUES {values}")
        event = Event("load", "published", variant=each.id, model_id="m", row_count=1, details={"generation": 1})
        run.ledger.record(day(3), run.run_id, [event])


def test_windows_are_those_of_the_job(session, job):
    own = gated_job(job, gate=Gate(metric="log_loss", min_days=2, max_windows=1))
    life(session, own, 3, {"new": BETTER})
    gate_job(session, own, mature(2))
    assert [verdict for _, _, verdict in said(session, own)] == ["too-few-labels", "promote", "keep"]
