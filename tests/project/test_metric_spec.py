from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.evaluation.metric_statements import metrics_statement
from pipeline.project.metric_spec import OVERALL, MetricSpec
from pipeline.project.project import Project
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName
from tests.support.dummy_project import dummy_project, offline_target

METRICS = """\
/*
description: Metrics.
identifiers: {half: function, predictions: query, labels: table, key: columns, dimensions: columns}
changes: {v1: first version}
*/
SELECT `{half}`(score) FROM `{predictions}` JOIN `{labels}` USING (`{key}`) GROUP BY `{dimensions}`
"""
LABELS = TableName("pipeline-local", "ml_runs", "labels")
SPEC = MetricSpec("binary_classification", ["id", "day"], ["score"], ["origin"])


@pytest.fixture
def root(tmp_path):
    with dummy_project(tmp_path) as root:
        (root / "sql/metrics/binary_classification_v1.sql").write_text(METRICS)
        yield root


@pytest.fixture
def session(root):
    return Session.open(Project.open(root), offline_target())


@pytest.fixture
def predictions(session):
    return Statement("SELECT 1\n", {"day": "DATE"}, {"day": None}, (session.catalogue.get("phases/examples_v1"),))


def test_a_job_is_judged_by_its_family_key_and_predicted_columns(root):
    spec = MetricSpec.of(Project.open(root).job("dummy"))
    assert spec.asset == "metrics/binary_classification_v1"
    assert spec.columns == ["id", "day", "score"]
    assert list(spec.slices) == []


def test_statement_joins_by_key_and_slices_all_rows_first(session, predictions):
    digest = session.catalogue.function("half").digest
    statement = metrics_statement(session, predictions, LABELS, SPEC)
    assert f"`pipeline-local.ml.half_{digest}`(score) FROM (\nSELECT 1\n) JOIN " in statement.sql
    assert "`pipeline-local.ml_runs.labels` USING (`id`, `day`)" in statement.sql
    assert statement.sql.endswith(f"GROUP BY `{OVERALL}`, `origin`\n")
    assert statement.values == {"day": None}


def test_unknown_family_is_a_request_error(session, predictions):
    with pytest.raises(RequestError, match=r"metrics/survival_v1\.sql: SQL file cannot be read"):
        metrics_statement(session, predictions, LABELS, MetricSpec("survival", ["id"], ["rank"], []))


def test_hostile_slices_are_refused(session, predictions):
    with pytest.raises(RequestError, match="not a valid column name"):
        metrics_statement(session, predictions, LABELS, MetricSpec(SPEC.family, ["id"], ["score"], ["a`; DROP"]))
