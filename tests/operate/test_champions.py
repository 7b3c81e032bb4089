from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.errors import RequestError
from pipeline.evaluation.gate import gate_job
from pipeline.operate.champions import (
    champion_lines,
    champions_of,
    list_variants,
    promote_variant,
    roll_back,
    variants_table,
)
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.tables import ensure_tables
from tests.support.changed_variants import seen
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


@pytest.fixture
def own(session, job):
    """A job with three published run dates: old is champion, new and newest are challengers."""
    found = gated_job(job, "new", "newest")
    publish_days(session, found, 3)
    return found


def history(session, job):
    rows = champions_of(session, job)
    return [(row["from_run_date"], row["variant"].partition("@")[0], row["reason"]) for row in rows]


def test_a_variant_is_promoted_from_the_next_run_date_on(session, own):
    named = promote_variant(session, own, "new", "easier to explain")
    assert (named.champion, named.before) == (variant(own, "new"), variant(own, "old"))
    assert named.from_run_date == day(3)
    assert history(session, own) == [(day(0), "old", "first"), (day(3), "new", "by hand: easier to explain")]
    assert seen(session, own) == dict.fromkeys((day(0), day(1), day(2)), variant(own, "old"))
    (verdict,) = verdicts(session, own)
    assert [verdict[name] for name in ("run_date", "champion", "challenger", "verdict", "reason", "n")] == [
        *(day(3), "old", "new", "promote", "by hand: easier to explain", None)
    ]


def test_a_promotion_may_begin_at_an_earlier_prediction(session, own):
    promote_variant(session, own, variant(own, "new"), "it was better all along", day(1))
    assert seen(session, own) == {day(0): variant(own, "old")} | dict.fromkeys((day(1), day(2)), variant(own, "new"))


def test_rollbacks_end_at_the_first_champion(session, own):
    promote_variant(session, own, "new", "better")
    promote_variant(session, own, "newest", "better still", day(5))
    assert roll_back(session, own, "it drifts").champion == variant(own, "new")
    assert history(session, own)[-1] == (day(5), "new", "rollback: it drifts")
    assert roll_back(session, own, "so does this").champion == variant(own, "old")
    assert champions(session, own)[-2:] == [(day(5), "new"), (day(5), "old")]
    assert [(row["challenger"], row["verdict"]) for row in verdicts(session, own)] == [
        ("new", "promote"),
        ("new", "rollback"),
        ("newest", "promote"),
        ("old", "rollback"),
    ]
    with pytest.raises(RequestError, match="there is no champion to go back to - the champion is old@"):
        roll_back(session, own, "once more")


def test_after_a_rollback_only_later_windows_promote_again(session, job):
    own = gated_job(job)
    life(session, own, 4, {"new": [*BETTER, -9.0]})
    gate_job(session, own, mature(3))
    assert champions(session, own)[-1] == (mature(3), "new")
    assert roll_back(session, own, "too slow").champion == variant(own, "old")
    assert gate_job(session, own, mature(3) + timedelta(days=1)) == []
    compare(session, own, 6, BETTER)
    compare(session, own, 6, [0.0] * 3, metric="auc")
    assert [row["verdict"] for row in gate_job(session, own, mature(8))] == ["too-few-labels"] * 2 + ["promote"]
    assert verdicts(session, own)[-1]["reason"].startswith(
        "log_loss is better by 0.031 on average over the 3 days of window 2"
    )


@pytest.mark.parametrize(
    ("name", "reason", "first", "message"),
    [
        ("newer", "x", None, "has no variant 'newer' - the variants are: old, new, newest"),
        ("old", "x", None, "old@.* is champion already - since run date 2013-07-01"),
        ("new", " ", None, "--reason is empty"),
        (
            "new",
            "x",
            0,
            "--from 2013-07-01 is the run date from which on old@.* is read - name a later date",
        ),
        ("new", "x", -1, "--from 2013-06-30 is before 2013-07-01, the run date from which on old@"),
    ],
)
def test_a_refused_promotion_writes_nothing(session, own, name, reason, first, message):
    with pytest.raises(RequestError, match=message):
        promote_variant(session, own, name, reason, None if first is None else day(first))
    assert len(champions(session, own)) == 1
    assert verdicts(session, own) == []


def test_a_champion_that_was_read_stays_in_the_history(session, own):
    ensure_tables(session, own)
    Ledger(session, own.name).decide_champion(variant(own, "new"), day(1), "by hand")
    with pytest.raises(RequestError, match=r"--from 2013-07-02 is the run date from which on new@.* is read"):
        promote_variant(session, own, "newest", "x", day(1))
    assert promote_variant(session, own, "newest", "x", day(2)).before == variant(own, "new")
    assert roll_back(session, own, "x").champion == variant(own, "new")


def test_a_baseline_is_never_champion(session, job):
    own = gated_job(job)
    as_baseline = edited(own, variants=["old"], baselines=["new"])
    with pytest.raises(RequestError, match="new is a baseline, which is never champion - the variants are: old"):
        promote_variant(session, as_baseline, "new", "x")


def test_a_promotion_needs_predictions_of_the_variant(session, own):
    reader(session)(
        f"DELETE FROM ml.{own.predictions_table} WHERE variant = '{variant(own, 'new')}' AND run_date = '{day(2)}'"
    )
    with pytest.raises(RequestError, match=r"new@.* has no predictions of 2013-07-03: consumers would read nothing"):
        promote_variant(session, own, "new", "x", day(1))


def test_before_the_first_publication_a_date_is_needed(session, job):
    own = gated_job(job)
    own = edited(own, predictions=own.spec.predictions.model_copy(update={"version": 9}))
    with pytest.raises(RequestError, match="nothing was published yet - name the first run date with --from"):
        promote_variant(session, own, "new", "x")
    with pytest.raises(RequestError, match="no champion to go back to - the champion is not named yet"):
        roll_back(session, own, "x")
    assert promote_variant(session, own, "new", "x", day(1)).before is None


def test_rollback_to_a_removed_variant_is_refused(session, own):
    ensure_tables(session, own)
    Ledger(session, own.name).decide_champion(variant(own, "new"), day(3), "by hand")
    kept = [variant for variant in own.variants if variant.name != "old"]
    gone = type(own)(own.name, own.folder, edited(own, variants=["new", "newest"]).spec, tuple(kept))
    with pytest.raises(RequestError, match=r"old@.*, the previous champion, is not a variant of the job any more"):
        roll_back(session, gone, "x")


def test_an_interrupted_promotion_can_be_repeated(session, own, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "decide_champion", killed)
        with pytest.raises(KeyboardInterrupt):
            promote_variant(session, own, "new", "better")
    promote_variant(session, own, "new", "better")
    assert len(verdicts(session, own)) == 1
    assert champions(session, own) == [(day(0), "old"), (day(3), "new")]


def test_variants_are_listed_with_role_model_and_metric(session, own):
    models = [
        {"variant": variant(own, "old"), "model_id": "m1", "uri": "gs://b/m1"},
        {"variant": "gone@1", "model_id": "m0"},
    ]
    rows = [
        dict.fromkeys(("bundle_digest", "data_checksum", "code_digest", "uri"), "") | {"training_rows": 1} | m
        for m in models
    ]
    Ledger(session, own.name).record_models(day(2), "r", rows)
    columns = "job, run_date, run_id, model_id, variant, evaluation_id, metric, slice_name, slice_value, n, value"
    values = f"'{own.name}', DATE '{day(0)}', 'r', 'm1', '{variant(own, 'old')}', 'e', 'log_loss', '', '', 9, 0.25"
    end = "'v', 'd', CURRENT_TIMESTAMP()"
    reader(session)(
        f"INSERT INTO ml.metrics_v1 ({columns}, sql_version, sql_digest, evaluated_at) VALUES ({values}, {end})"
    )
    lines = list_variants(session, own)
    assert [(line.variant.partition("@")[0], line.role) for line in lines] == [
        ("old", "champion"),
        ("new", "challenger"),
        ("newest", "challenger"),
        ("gone", "gone"),
    ]
    old = lines[0]
    assert (old.champion_since, old.run_date, old.model_id, old.uri) == (day(0), day(2), "m1", "gs://b/m1")
    assert (old.metric, old.metric_run_date, old.n, old.value) == ("log_loss", day(0), 9, 0.25)
    assert (lines[1].model_id, lines[1].value) == (None, None)
    assert variants_table(own.name, lines).row_count == 4
    assert list(champion_lines(own.name, champions_of(session, own)))[1].startswith(
        f"  from 2013-07-01  {old.variant}  first"
    )
    assert list(champion_lines(own.name, [])) == [f"{own.name}: no champion yet"]
    without_gate = edited(own, gate=None, headline=["auc"])
    assert {line.metric for line in list_variants(session, without_gate)} == {"auc"}
