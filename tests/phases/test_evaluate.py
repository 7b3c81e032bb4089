from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import numpy as np
import pandas as pd
import polars as pl
import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.evaluation.gate import gate_job
from pipeline.evaluation.metric_statements import report_statement
from pipeline.explain.report import pooled_metrics
from pipeline.phases.evaluate import evaluate_from_tables, evaluate_job
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.phases.run import evaluate_matured, run_job
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.tables import ensure_tables
from tests.evaluation.binary_reference import reference
from tests.support.changed_variants import job_with_prior, maturing
from tests.support.integration_fixtures import edited, read_source, reader

DAYS = [date(2013, 7, 4), date(2013, 7, 5)]
MATURE = date(2013, 7, 7)
COLUMNS = [
    *("job", "run_date", "run_id", "model_id", "variant", "evaluation_id", "metric", "slice_name", "slice_value"),
    *("n", "value", "low", "high", "note", "sql_version", "sql_digest", "evaluated_at"),
]
TOP = {f"{name}_at_top_10_percent" for name in ("precision", "recall", "lift")}
METRICS = TOP | {
    *("auc", "average_precision", "log_loss", "brier_score", "ece", "precision", "recall", "f1"),
    *("base_rate", "mean_score", "count", "label_coverage"),
}


@pytest.fixture
def one(job):
    """A cheap job with a new name whose labels mature, over the sources that all tests share."""
    return maturing(job_with_prior(replace(job, name=f"j{uuid4().hex[:8]}"), 20.0))


@pytest.fixture(scope="module")
def runs(session, quick_job):
    """Two run dates of both variants; nothing of them has matured."""
    return [run_job(session, quick_job, day) for day in DAYS]


@pytest.fixture(scope="module")
def evaluations(session, quick_job, runs):
    return evaluate_job(session, quick_job, MATURE)


def assert_metrics_are_scikit_learns(rows, scored: pd.DataFrame, slices) -> None:
    """Compare each metric of a variant, overall and by slice, with scikit-learn to 1e-9; one class has no AUC."""
    parts = {("", ""): scored} | {
        (name, value): part for name in slices for value, part in scored.groupby(name, observed=True)
    }
    sliced = [row for row in rows if row["slice_name"] != "score_bin" and row["metric"] != "label_coverage"]
    found = {(row["slice_name"], row["slice_value"], row["metric"]): row for row in sliced}
    assert len(found) == len(sliced) == len(parts) * (len(METRICS) - 1)
    for (name, value), part in parts.items():
        for metric, expected in reference(part["label"].to_numpy(float), part["score"].to_numpy(float)).items():
            row = found[name, value, metric]
            assert row["n"] == len(part)
            if expected is None:
                assert row["value"] is None
                assert row["note"]
            else:
                assert row["value"] == pytest.approx(expected, abs=1e-9, rel=1e-9), (name, value, metric)


def scored_by_hand(session, folder, day, variant, known_by):
    """Return published scores with labels from the source files, without the labels SQL."""
    outcomes = read_source(folder, "flight_outcomes").filter(pl.col("flight_date") == str(day))
    known = [datetime.fromisoformat(text) <= known_by for text in outcomes["known_at"]]
    labels = outcomes.filter(pl.Series(known)).select("flight", "origin", label=(pl.col("arr_delay") > 15).cast(int))
    scores = reader(session)(
        "SELECT carrier, flight, origin, score FROM ml.flight_delay__predictions_v1"
        f" WHERE run_date = '{day}' AND variant = '{variant}'"
    )
    return pd.DataFrame(scores).merge(labels.to_pandas(), on=["flight", "origin"])


@pytest.mark.cloud
def test_nothing_is_evaluated_before_the_labels_have_matured(session, quick_job, runs):
    assert [run.evaluated for run in runs] == [[], []]
    early = evaluate_matured(session, quick_job, date(2013, 7, 5))
    assert (early.status, early.evaluated) == ("already_done", [])
    assert reader(session)("SELECT * FROM ml.metrics_v1") == []


@pytest.mark.cloud
def test_matured_run_dates_are_evaluated_once(session, quick_job, evaluations, requests_sent):
    assert [evaluation.run_date for evaluation in evaluations] == DAYS
    count = reader(session)("SELECT COUNT(*) AS n FROM ml.metrics_v1")[0]["n"]
    assert count == sum(len(evaluation.metrics) for evaluation in evaluations)
    gate_job(session, quick_job, MATURE)
    requests_sent.clear()
    again = evaluate_matured(session, quick_job, date(2013, 7, 8))
    assert (again.status, again.evaluated) == ("already_done", [])
    assert requests_sent.writes == []


@pytest.mark.cloud
def test_metrics_have_every_column_variant_and_slice(session, quick_job, runs, evaluations):
    rows = reader(session)(f"SELECT * FROM ml.metrics_v1 WHERE run_date = '{DAYS[0]}'")
    assert list(rows[0]) == COLUMNS
    assert {row["variant"] for row in rows} == {variant.id for variant in quick_job.variants}
    assert {row["metric"] for row in rows} == METRICS
    slices = {(row["slice_name"], row["slice_value"]) for row in rows}
    expected = {("", "")} | {("origin", value) for value in ("EWR", "JFK", "LGA")}
    bins = {("score_bin", value) for name, value in slices if name == "score_bin"}
    assert bins
    assert slices == expected | bins | {("carrier", value) for value in ("AA", "B6", "DL", "UA")}
    assert sum(row["slice_name"] != "score_bin" for row in rows) == 2 * (8 * (len(METRICS) - 1) + 1)
    assert {row["run_id"] for row in rows} == {runs[0].run_id}
    assert {(row["variant"], row["model_id"]) for row in rows} == {
        (model["variant"], model["model_id"]) for model in runs[0].models
    }
    assert len({row["evaluation_id"] for row in rows}) == 1
    assert {(row["job"], row["sql_version"]) for row in rows} == {("flight_delay", "metrics/binary_classification_v1")}
    digest = session.catalogue.get("metrics/binary_classification_v1").digest
    assert {row["sql_digest"] for row in rows} == {digest}
    assert all(row["low"] < row["value"] < row["high"] for row in rows if row["low"] is not None)
    assert {row["evaluated_at"] > datetime(2020, 1, 1, tzinfo=UTC) for row in rows} == {True}
    assert evaluations[0].metrics == sorted(
        rows, key=lambda row: (row["variant"], row["slice_name"], row["slice_value"], row["metric"])
    )


@pytest.mark.cloud
@pytest.mark.parametrize("day", DAYS)
def test_published_metrics_are_scikit_learns(session, quick_job, fixtures_folder, evaluations, day):
    for variant in quick_job.variants:
        scored = scored_by_hand(session, fixtures_folder, day, variant.id, quick_job.as_of(MATURE))
        rows = [row for row in evaluations[DAYS.index(day)].metrics if row["variant"] == variant.id]
        assert_metrics_are_scikit_learns(rows, scored, quick_job.spec.slices)


def test_a_model_beats_the_constant_rate(session, quick_job, evaluations):
    pooled = pooled_metrics(session, quick_job, DAYS)
    value = {(row["variant"].split("@")[0], row["metric"]): row["value"] for row in pooled if not row["slice_name"]}
    assert value["logistic_regression", "auc"] > 0.7 > value["constant_rate", "auc"]
    assert value["logistic_regression", "log_loss"] < value["constant_rate", "log_loss"]


def test_a_constant_score_has_an_auc_of_one_half(evaluations):
    overall = [row for evaluation in evaluations for row in evaluation.metrics if not row["slice_name"]]
    found = [row["value"] for row in overall if row["metric"] == "auc" and row["variant"].startswith("constant_rate@")]
    assert found == [0.5, 0.5]


def test_pooled_metrics_are_those_of_all_days_together(session, quick_job, fixtures_folder, evaluations):
    moment = quick_job.as_of(MATURE)
    for variant in quick_job.variants:
        days = [scored_by_hand(session, fixtures_folder, day, variant.id, moment) for day in DAYS]
        rows = [row for row in pooled_metrics(session, quick_job, DAYS) if row["variant"] == variant.id]
        assert_metrics_are_scikit_learns(rows, pd.concat(days), quick_job.spec.slices)


def test_the_first_champion_has_a_verdict_on_its_run_date(evaluations):
    assert [evaluation.verdict for evaluation in evaluations] == ["first", None]


def test_the_event_of_an_evaluation_names_its_labels(session, evaluations):
    rows = reader(session)(
        "SELECT run_date, event, row_count, details FROM ledger.events"
        " WHERE phase = 'evaluate' AND job = 'flight_delay'"
    )
    assert sorted((row["run_date"], row["event"], row["row_count"]) for row in rows) == [
        (evaluation.run_date, "evaluated", len(evaluation.metrics)) for evaluation in evaluations
    ]
    assert all('"as_of": "2013-07-07 00:00:00-04:00"' in row["details"] for row in rows)


def test_evaluating_a_published_date_from_tables_records_nothing(session, quick_job, evaluations, requests_sent):
    labels = session.target.run_table("own_labels")
    reader(session)(
        "CREATE OR REPLACE TABLE runs.own_labels AS SELECT flight_date, carrier, flight, origin,"
        " IF(arr_delay > 15, 1, 0) AS label FROM ml.flight_outcomes"
    )
    requests_sent.clear()
    found = evaluate_from_tables(
        session,
        session.target.table(quick_job.predictions_table),
        labels,
        MetricSpec.of(quick_job),
        run_date=DAYS[0],
        run_id=evaluations[0].metrics[0]["run_id"],
    )
    recorded = [(row["variant"], row["metric"], row["slice_value"], row["n"]) for row in evaluations[0].metrics]
    assert sorted((row["variant"], row["metric"], row["slice_value"], row["n"]) for row in found) == sorted(recorded)
    assert requests_sent.writes == []


def test_a_new_generation_is_evaluated_and_shown_alone(session, one):
    day, mature = date(2013, 7, 5), date(2013, 7, 8)
    first = run_job(session, one, day)
    assert len(evaluate_job(session, one, mature)) == 1
    second = run_job(session, one, day, rerun=True)
    (again,) = evaluate_job(session, one, mature)
    assert {row["run_id"] for row in again.metrics} == {second.run_id} != {first.run_id}
    shown = reader(session)(f"SELECT DISTINCT run_id FROM ml.metrics WHERE job = '{one.name}'")
    kept = reader(session)(f"SELECT DISTINCT run_id FROM ml.metrics_v1 WHERE job = '{one.name}'")
    assert shown == [{"run_id": second.run_id}]
    assert len(kept) == 2
    assert session.warehouse.rows(report_statement(session, one, day, day))


@pytest.mark.long
def test_an_interrupted_evaluation_is_recorded_once(session, one, monkeypatch):
    day, mature = date(2013, 7, 5), date(2013, 7, 7)
    run_job(session, one, day)
    with monkeypatch.context() as patch:
        patch.setattr(
            "pipeline.runs.ledger.ledger.Ledger.record", lambda *_: (_ for _ in ()).throw(RuntimeError("killed"))
        )
        with pytest.raises(RuntimeError, match="killed"):
            evaluate_job(session, one, mature)
    (evaluation,) = evaluate_job(session, one, mature)
    rows = reader(session)(f"SELECT COUNT(*) AS n FROM ml.metrics_v1 WHERE job = '{one.name}'")
    assert rows == [{"n": len(evaluation.metrics)}]


@pytest.fixture(scope="module")
def scored_flights():
    """400 scores on a coarse grid (many ties), two of three origins; carrier ZZ is always late and YY never."""
    rng = np.random.default_rng(3)
    size = 400
    frame = pd.DataFrame(
        {
            "flight_date": "2013-07-05",
            "carrier": rng.choice(["AA", "B6", "YY", "ZZ"], size),
            "flight": np.arange(size),
            "origin": rng.choice(["EWR", "JFK"], size),
            "score": rng.integers(1, 20, size) / 20,
        }
    )
    label = (rng.random(size) < frame["score"]).astype(int)
    frame["label"] = label.where(~frame["carrier"].isin(["YY", "ZZ"]), (frame["carrier"] == "ZZ").astype(int))
    return frame


def test_metrics_of_files_are_scikit_learns(session, quick_job, scored_flights, tmp_path):
    predictions, labels = tmp_path / "predictions.csv", tmp_path / "labels.jsonl"
    scored_flights.drop(columns="label").to_csv(predictions, index=False)
    pl.from_pandas(scored_flights.drop(columns="score")).write_ndjson(labels)
    rows = evaluate_from_path(session, quick_job, str(predictions), str(labels), name="script")
    assert {row["variant"] for row in rows} == {"script"}
    assert_metrics_are_scikit_learns(rows, scored_flights, quick_job.spec.slices)
    one_class = {row["slice_value"] for row in rows if row["note"] == "one class only"}
    assert one_class == {"YY", "ZZ"}


def test_duplicate_keys_in_a_file_are_refused(session, quick_job, scored_flights, tmp_path):
    twice = pd.concat([scored_flights, scored_flights.head(1)])
    twice.drop(columns="label").to_csv(tmp_path / "predictions.csv", index=False)
    scored_flights.drop(columns="score").to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(
        CheckError,
        match=r"401 rows with 1 duplicate keys, e\.g\. flight_date, carrier, flight, origin = 2013-07-05, .., 0, ",
    ):
        evaluate_from_path(
            session, quick_job, str(tmp_path / "predictions.csv"), str(tmp_path / "labels.csv"), name="twice"
        )


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"score": 1.5}, CheckError, r"check range score, min 0\.?0?, max 1\.?0? failed: 1 row, e\.g\. .* = .*, 399, "),
        ({"score": -0.25}, CheckError, "check range score"),
        ({"score": None}, CheckError, "score"),
        (
            {"flight": 5000},
            CheckError,
            "1 labels have no prediction, e.g. .* = 2013-07-05, .*, 399, ",
        ),
    ],
    ids=["above one", "below zero", "none", "unknown"],
)
def test_unusable_predictions_are_refused_with_an_example(
    session, quick_job, scored_flights, tmp_path, changed, error, message
):
    wrong = scored_flights.drop(columns="label").astype({"score": object})
    for name, value in changed.items():
        wrong.loc[399, name] = value
    wrong.to_csv(tmp_path / "predictions.csv", index=False)
    scored_flights.drop(columns="score").to_csv(tmp_path / "labels.csv", index=False)
    places = [str(tmp_path / "predictions.csv"), str(tmp_path / "labels.csv")]
    with pytest.raises(error, match=message):
        evaluate_from_path(session, quick_job, *places, name="wrong")


def test_labels_without_a_slice_are_a_request_error(session, quick_job, scored_flights, tmp_path):
    scored_flights.drop(columns="label").to_csv(tmp_path / "predictions.csv", index=False)
    scored_flights[["flight_date", "carrier", "flight", "label"]].to_csv(tmp_path / "labels.csv", index=False)
    places = [str(tmp_path / "predictions.csv"), str(tmp_path / "labels.csv")]
    with pytest.raises(RequestError, match="origin"):
        evaluate_from_path(session, quick_job, *places, name="unsliced")


def test_changed_labels_are_evaluated_within_reevaluate_days(session, one):
    day = date(2013, 7, 2)
    job = edited(one, reevaluate_days=2)
    run_job(session, job, day)
    (first,) = evaluate_job(session, job, date(2013, 7, 4))
    assert evaluate_job(session, job, date(2013, 7, 5)) == []  # nothing changed
    reader(session)(f"UPDATE ml.flight_outcomes SET arr_delay = 100 WHERE flight_date = '{day}'")
    assert evaluate_job(session, one, date(2013, 7, 5)) == []  # a job without reevaluate_days
    (again,) = evaluate_job(session, job, date(2013, 7, 5))
    assert evaluate_job(session, job, date(2013, 7, 5)) == []  # done
    reader(session)(f"UPDATE ml.flight_outcomes SET arr_delay = 0 WHERE flight_date = '{day}'")
    assert evaluate_job(session, job, date(2013, 7, 7)) == []  # too late
    assert evaluate_job(session, job, date(2013, 7, 4)) == []  # an earlier moment changes nothing

    def base_rates(rows):
        return {row["value"] for row in rows if row["metric"] == "base_rate" and not row["slice_name"]}

    assert base_rates(first.metrics) != base_rates(again.metrics) == {1.0}
    shown = reader(session)(f"SELECT metric, value, slice_name FROM ml.metrics WHERE job = '{one.name}'")
    assert base_rates(shown) == {1.0}
    kept = reader(session)(f"SELECT DISTINCT evaluation_id FROM ml.metrics_v1 WHERE job = '{one.name}'")
    assert len(kept) == 2


def test_labels_that_are_all_null_are_not_evaluated(session, one):
    """A labels SQL may return every entity, with NULL until its label is known."""
    day, job = date(2013, 7, 5), one
    run_job(session, job, day)
    read, catalogue = reader(session), session.catalogue
    labels = catalogue.get(job.spec.labels.sql)
    unknown = replace(labels, body=f"SELECT * REPLACE (CAST(NULL AS INT64) AS label) FROM ({labels.body})")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalogue._assets, labels.name, unknown)
        assert evaluate_job(session, job, date(2013, 7, 7)) == []
        assert read(f"SELECT DISTINCT evaluation_id FROM ml.metrics_v1 WHERE job = '{one.name}'") == []
    (evaluation,) = evaluate_job(session, job, date(2013, 7, 8))
    assert evaluation.run_date == day


def test_nothing_published_means_nothing_to_evaluate(make_empty_session, job, requests_sent):
    session = make_empty_session()
    ensure_tables(session, job)
    requests_sent.clear()
    assert evaluate_job(session, job, MATURE) == []
    assert requests_sent.writes == []
