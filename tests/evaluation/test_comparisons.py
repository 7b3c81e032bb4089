"""Champion and challengers of real runs: values equal scikit-learn's on the entities that both predicted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from pipeline.phases.run import evaluate_matured, run_job
from pipeline.runs.ledger.ledger import Ledger
from tests.phases.test_evaluate import scored_by_hand
from tests.support.changed_variants import rate
from tests.support.integration_fixtures import edited, reader

DAY, MATURE = date(2013, 7, 5), date(2013, 7, 7)


@pytest.fixture(scope="module")
def session(make_session):
    return make_session()


@pytest.fixture(scope="module")
def compared(session, job):
    """A run of a champion, a challenger that lacks some flights, and a baseline; its evaluation was killed once."""
    base = next(variant for variant in job.variants if variant.name == "constant_rate")
    variants = (rate(job, 20.0, "old"), rate(job, 5.0, "new"), base)
    spec = job.spec.model_copy(update={"variants": ["old", "new"], "baselines": ["constant_rate"]})
    own = replace(job, spec=spec, variants=variants)
    run_job(session, own, DAY)
    first = f"SELECT MIN(flight) FROM ml.flight_outcomes WHERE flight_date = '{DAY}'"
    which = f"variant = '{variants[1].id}' AND flight IN ({first})"
    reader(session)(f"DELETE FROM ml.{own.predictions_table} WHERE {which}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "record", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            evaluate_matured(session, own, MATURE)
    evaluate_matured(session, own, MATURE)
    return own


def test_values_equal_scikit_learn_on_common_entities(session, compared, fixtures_folder):
    old, new, _ = (variant.id for variant in compared.variants)
    moment = compared.as_of(MATURE)
    by_hand = [scored_by_hand(session, fixtures_folder, DAY, variant, moment) for variant in (old, new)]
    key = ["carrier", "flight", "origin"]
    both = pd.merge(*by_hand, on=[*key, "label"], suffixes=("_old", "_new"))
    assert len(both) == len(by_hand[1]) < len(by_hand[0])
    rows = {row["metric"]: row for row in reader(session)("SELECT * FROM ml.comparisons")}
    assert {(row["champion"], row["challenger"]) for row in rows.values()} == {(old, new)}
    for metric, judge in (("auc", roc_auc_score), ("log_loss", log_loss)):
        row = rows[metric]
        values = [judge(both["label"], both[f"score_{name}"]) for name in ("old", "new")]
        assert (row["champion_value"], row["challenger_value"]) == pytest.approx(values, abs=1e-9)
        assert row["difference"] == pytest.approx(values[1] - values[0], abs=1e-9)
        assert row["n"] == len(both)


def test_a_comparison_is_recorded_once_with_its_sql(session, compared):
    rows = reader(session)("SELECT * FROM ml.comparisons_v1")
    assert len(rows) == len({row["metric"] for row in rows}) > 5
    metrics = reader(session)("SELECT DISTINCT run_id, evaluation_id, sql_version, sql_digest FROM ml.metrics_v1")
    assert [{name: row[name] for name in metrics[0]} for row in rows] == metrics * len(rows)


def test_an_open_window_has_a_verdict(session, compared):
    rows = reader(session)(
        "SELECT champion, challenger, verdict, n, needed_n FROM ml.verdicts_v1 WHERE verdict != 'first'"
    )
    assert [tuple(row.values())[2:] for row in rows] == [("too-few-labels", 1, 7)]


@pytest.mark.long
def test_a_champion_without_predictions_is_recorded(session, compared):
    without = edited(compared, variants=["new"])
    left = replace(without, variants=compared.variants[1:])
    day, mature = date(2013, 7, 6), date(2013, 7, 8)
    run_job(session, left, day, gate=False)
    gone = reader(session)(f"SELECT DISTINCT challenger FROM ml.comparisons_v1 WHERE run_date = '{day}'")
    assert gone == []
    Ledger(session, left.name).decide_champion(compared.variants[0].id, day, "by hand")
    evaluate_matured(session, left, mature)
    rows = reader(session)(f"SELECT challenger, verdict, reason FROM ml.verdicts_v1 WHERE run_date = '{day}' AND n = 0")
    assert rows == [
        {
            "challenger": None,
            "verdict": "keep",
            "reason": f"{compared.variants[0].id} has no predictions of this run date",
        }
    ]
