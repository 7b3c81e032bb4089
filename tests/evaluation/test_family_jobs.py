"""Jobs of families whose predictions have a key of their own: declared, checked, and judged from files."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.evaluation.drift_statements import feature_columns
from pipeline.evaluation.metric_statements import labels_statement, metrics_statement
from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.check import check_sql
from pipeline.operate.sql.rehearsal import SAMPLE_DATE, Rehearsal
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.project.job_checks import check_assets
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Project
from pipeline.runs.check_rules import prediction_checks
from pipeline.runs.identity import run_definition
from pipeline.runs.job_statements import QueryScope
from pipeline.runs.publication_statements import staged_predictions_statement
from pipeline.runs.session import Session
from tests.evaluation.family_jobs import KEYS, write_family_jobs
from tests.evaluation.judging import values_of
from tests.operate.sql.conftest import ANALYZER, TARGET
from tests.support.dummy_project import edit


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return Project.open(write_family_jobs(tmp_path_factory.mktemp("families")))


@pytest.fixture(scope="module")
def session(make_empty_session, own):
    session = make_empty_session()
    return Session.open(own, session.target, session.reporter)


@pytest.mark.long
def test_bigquery_accepts_all_statements_of_a_ranking_job(tmp_path):
    root = write_family_jobs(tmp_path)
    for family in set(KEYS) - {"ranking"}:
        shutil.rmtree(root / "jobs" / family)
    checked = check_sql(Project.open(root), TARGET, ANALYZER)
    assert [str(finding) for finding in checked.findings] == []
    assert "metrics/ranking_v1" in {statement.asset.name for statement in checked.statements}


@pytest.mark.parametrize("family", ["regression", "multiclass"])
def test_bigquery_accepts_labels_and_metrics_of_other_families(own, family):
    job, session = own.job(family), Session.open(own, TARGET)
    rehearsal = Rehearsal.of(session, job, SAMPLE_DATE)
    analyzer = Analyzer(rehearsal.tables(), ANALYZER, partitions=rehearsal.partitions())
    asked = QueryScope(SAMPLE_DATE, SAMPLE_DATE, SAMPLE_DATE, rehearsal.run.as_of)
    analyzer.analyze(labels_statement(session, job, rehearsal.labels, asked))
    rows = staged_predictions_statement(session, rehearsal.loaded, MetricSpec.of(job).columns, "staged")
    found = analyzer.analyze(metrics_statement(session, rows, rehearsal.labels, MetricSpec.of(job)))
    declared = session.catalogue.get(f"metrics/{family}_v1").columns
    assert [(c.name, c.type) for c in found.columns] == [(c.name, c.type) for c in declared.columns]


def test_a_predicted_column_may_be_part_of_the_prediction_key(own):
    schema = own.job("ranking").prediction_schema
    assert [(c.name, c.type, c.required) for c in schema.columns] == [
        ("user", "STRING", True), ("day", "DATE", True), ("rank", "INT64", True), ("item", "STRING", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("family", "entity", "within", "item"),
    [
        ("regression", ["user", "day"], [], []),
        ("multiclass", ["user", "day"], ["class"], []),
        ("ranking", ["user", "day"], ["rank"], ["item"]),
    ],
)
def test_keys_that_predictions_and_labels_share(own, family, entity, within, item):
    spec = MetricSpec.of(own.job(family))
    assert (spec.entity, spec.within, spec.item) == (entity, within, item)
    assert len(set(spec.columns)) == len(spec.columns)


def test_checks_of_predictions_name_the_columns_of_the_job(own, session):
    found = [check.text for check in prediction_checks(session, own.job("ranking"))]
    assert found == ["range rank, min 1.0", "unique user, day, item"]


def test_the_example_key_is_part_of_the_definition(own, session):
    assert "example_key" not in run_definition(own.job("regression"), session.catalogue)
    assert run_definition(own.job("ranking"), session.catalogue)["example_key"] == KEYS["ranking"]


WRONG = {
    "a key of its own for a family that takes none": (
        "regression", "entity: [user]", "entity: [user]\nexample_key: [user]", "needs no column of prediction_key",
    ),
    "no position": ("ranking", "prediction_key: [user, day, rank]", "prediction_key: [user, day]", "needs one column"),
    "no item": ("ranking", "example_key: [user, day, item]", "example_key: [user, day]", "needs one column of exam"),
    "two items": (
        "ranking", "example_key: [user, day, item]", "example_key: [user, day, item, country]", "is: item, country;",
    ),
    "an item that is not predicted": (
        "ranking", "example_key: [user, day, item]", "example_key: [user, day, country]", "country is not a predicted",
    ),
    "a slice that tells labels apart": ("ranking", "slices: [country]", "slices: [user]", "user is part of"),
    "no class": ("multiclass", "example_key: [user, day]", "", "needs one column of prediction_key"),
    "an entity that labels lack": ("multiclass", "example_key: [user, day]", "example_key: [day]", "part of exam"),
    "position zero": ("ranking", "weight:", "metrics: {parameters: {ks: [0]}}\nweight:", "ks must be at least 1"),
    "no positions": ("ranking", "weight:", "metrics: {parameters: {ks: []}}\nweight:", "ks must be at least 1"),
    "a position twice": ("ranking", "weight:", "metrics: {parameters: {ks: [5, 5]}}\nweight:", "without repetitions"),
    "a metric at another position": ("ranking", "ndcg_at_10", "ndcg_at_11", "there is no metric 'ndcg_at_11'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_keys_and_parameters_are_refused(tmp_path, case):
    family, old, new, said = WRONG[case]
    root = write_family_jobs(tmp_path)
    edit(root / f"jobs/{family}/job.yaml", old, new)
    project = Project.open(root)
    with pytest.raises(RequestError, match=said):
        check_assets(Session.open(project, TARGET).catalogue, project.job(family))


LISTS = pd.DataFrame(
    {"user": ["a", "a", "b"], "day": "2024-02-01", "rank": [1, 2, 1], "item": ["p", "q", "p"]},
)
RELEVANCE = pd.DataFrame(
    {"user": ["a", "a", "c"], "day": "2024-02-01", "item": ["q", "z", "p"], "label": [2, 1, 1]},
).assign(country="DE", worth=1.0)
SCORES = pd.DataFrame(
    {"user": ["a", "a", "b"], "day": "2024-02-01", "class": ["x", "y", "x"], "score": [0.25, 0.75, 1.0]},
)
CLASSES = pd.DataFrame({"user": ["a", "b"], "day": "2024-02-01", "label": ["y", "y"]}).assign(country="DE", worth=1.0)
NUMBERS = pd.DataFrame({"user": ["a", "b"], "day": "2024-02-01", "value": [1.0, 2.0]})

VALUES = NUMBERS.rename(columns={"value": "label"}).assign(country="DE", worth=1.0)


def from_files(session, own, folder, family, predictions, labels):
    predictions.to_json(folder / "predictions.jsonl", orient="records", lines=True)
    labels.to_json(folder / "labels.jsonl", orient="records", lines=True)
    places = [str(folder / f"{name}.jsonl") for name in ("predictions", "labels")]
    return values_of(evaluate_from_path(session, own.job(family), *places, name="anybody"))


def test_ranking_from_files_with_items_that_were_not_predicted(session, own, tmp_path):
    found = from_files(session, own, tmp_path, "ranking", LISTS, RELEVANCE)
    assert (found["recall_at_10"], found["mrr"], found["count"]) == (0.25, 0.25, 2.0)
    assert (found["users_without_predictions"], found["users_without_relevance"]) == (1.0, 1.0)


def test_multiclass_from_files(session, own, tmp_path):
    found = from_files(session, own, tmp_path, "multiclass", SCORES, CLASSES)
    assert (found["accuracy"], found["label_coverage"]) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("family", "predictions", "labels", "said"),
    [
        ("ranking", LISTS.assign(item="p"), RELEVANCE, "unique user, day, item failed: 1 row"),
        ("ranking", LISTS.assign(rank=[0, 1, 1]), RELEVANCE, "range rank, min 1.0 failed: 1 row"),
        ("ranking", LISTS.assign(rank=1), RELEVANCE, "1 duplicate keys"),
        ("ranking", LISTS, pd.concat([RELEVANCE, RELEVANCE.head(1)]), "1 duplicate keys"),
        ("ranking", LISTS, RELEVANCE.assign(label=-1), "range label, min 0.0 failed: 3 rows"),
        ("multiclass", SCORES.assign(score=1.5), CLASSES, "range score, min 0.0, max 1.0 failed: 3 rows"),
        ("multiclass", SCORES, CLASSES.assign(user=["a", "z"]), "1 labels have no prediction"),
        ("regression", NUMBERS.assign(value=1e200), VALUES, "range value, min -1e.60, max 1e.60 failed: 2 rows"),
        ("regression", NUMBERS, VALUES.assign(label=-1e200), "range label, min -1e.60, max 1e.60 failed: 2 rows"),
    ],
)
def test_files_that_give_wrong_numbers_are_refused(session, own, tmp_path, family, predictions, labels, said):
    with pytest.raises(CheckError, match=said) as refused:
        from_files(session, own, tmp_path, family, predictions, labels)
    assert re.search(r"/(predictions|labels)\.jsonl: |labels have no prediction", str(refused.value))
    assert "staged" not in str(refused.value)


def test_without_labels_nothing_is_evaluated(session, own, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(type(session.reporter), "say", lambda _, line: said.append(line))
    for labels in (CLASSES.head(0), CLASSES.assign(label=None)):
        assert from_files(session, own, tmp_path, "multiclass", SCORES, labels) == {}
    assert len(said) == 2
    assert all(line.endswith("labels.jsonl: no label is known, so nothing is evaluated") for line in said)


@pytest.mark.parametrize("number", ["NaN", "Infinity", None])
def test_nan_infinity_and_null_are_refused(session, own, tmp_path, number):
    (tmp_path / "predictions.jsonl").write_text(
        '{"user": "a", "day": "2024-02-01", "value": %s}\n' % ("null" if number is None else f'"{number}"')
    )
    VALUES.to_json(tmp_path / "labels.jsonl", orient="records", lines=True)
    places = [str(tmp_path / f"{name}.jsonl") for name in ("predictions", "labels")]
    with pytest.raises((CheckError, RequestError)) as refused:
        evaluate_from_path(session, own.job("regression"), *places, name="anybody")
    assert "value" in str(refused.value)


def test_the_example_key_is_not_a_feature(own):
    run = Rehearsal.of(Session.open(own, TARGET), own.job("ranking"), SAMPLE_DATE).run
    assert feature_columns(run).names == []


def test_a_run_without_example_key_keeps_its_identity(job):
    spec = job.spec.model_copy(update={"example_key": []})
    assert replace(job, spec=spec).spec.row_key == job.spec.prediction_key
