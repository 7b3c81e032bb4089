"""Statements of an evaluation: labels, metrics and the recorded rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.project.metric_spec import OVERALL, MetricSpec
from pipeline.project.project import Job
from pipeline.runs.job_statements import QueryScope, job_query, label_columns
from pipeline.runs.session import Session
from pipeline.runs.tables import function_name
from pipeline.sql import Identifier, Statement, TableName


def labels_statement(session: Session, job: Job, table: TableName, scope: QueryScope) -> Statement:
    """Make the table of labels of an evaluation."""
    identifiers: dict[str, Identifier] = {
        "table": table,
        "labels": job_query(session, job, job.spec.labels, scope),
        "columns": label_columns(session, job).names,
    }
    return session.statement("phases/labels_v1", identifiers)


def metrics_statement(session: Session, predictions: Statement, labels: TableName, spec: MetricSpec) -> Statement:
    """Compute the metrics of predictions.

    Parameters
    ----------
    predictions
        Query of run_id, model_id, variant and the columns of the spec.
    labels
        Table with prediction key, label and slice columns.
    """
    family = session.catalogue.get(spec.asset)
    identifiers: dict[str, Identifier] = {
        "predictions": predictions,
        "labels": labels,
        "key": list(spec.key),
        "entity": spec.entity,
        "within": "".join(spec.within),
        "item": "".join(spec.item),
        "dimensions": [OVERALL, *spec.slices],
    }
    places = family.header.identifiers
    identifiers = {name: value for name, value in (identifiers | _parts(session, spec)).items() if name in places}
    identifiers |= {name: function_name(session, name) for name in family.function_names}
    return session.statement(spec.asset, identifiers, spec.values(family))


def _parts(session: Session, spec: MetricSpec) -> dict[str, Statement]:
    """Return the expressions of weights and clusters."""
    weight, above = session.statement("metrics/parts/no_weight_v1", {}), "rows_above"
    if spec.weight is not None:
        weight, above = session.statement("metrics/parts/weight_v1", {"column": spec.weight}), "weight_above"
    cluster = session.statement("metrics/parts/no_cluster_v1", {})
    if spec.cluster:
        cluster = session.statement("metrics/parts/cluster_v1", {"columns": list(spec.cluster)})
    above_statement = session.statement(f"metrics/parts/{above}_v1", {})
    return {"weight": weight, "weight_above": above_statement, "cluster": cluster}


def unknown_labels_statement(
    session: Session, predictions: TableName, labels: TableName, key: Sequence[str]
) -> Statement:
    """Read the number of labels without a prediction, and up to five of their keys."""
    identifiers: dict[str, Identifier] = {"predictions": predictions, "labels": labels, "key": list(key)}
    return session.statement("phases/unknown_labels_v1", identifiers)


def record_metrics_statement(session: Session, computed: Statement, which: Mapping[str, Any]) -> Statement:
    """Append the metrics of one evaluation, once; `which` holds job, run_date and evaluation_id."""
    identifiers: dict[str, Identifier] = {"metrics": session.target.table("metrics_v1"), "computed": computed}
    values = {**which, "sql_version": computed.asset.name, "sql_digest": computed.asset.digest}
    return session.statement("phases/record_metrics_v1", identifiers, values)


def evaluation_metrics_statement(session: Session, which: Mapping[str, Any]) -> Statement:
    """Read the metric rows of one evaluation; `which` holds job, run_date and evaluation_id."""
    metrics = session.target.table("metrics_v1")
    return session.statement("phases/evaluation_metrics_v1", {"metrics": metrics}, which)


def run_metrics_statement(session: Session, job: str, run_date: date, run_id: str) -> Statement:
    """Read the overall metrics of the latest evaluation of one run."""
    values = {"job": job, "run_date": run_date, "run_id": run_id}
    return session.statement("phases/run_metrics_v1", {"metrics": session.target.table("metrics_v1")}, values)


def report_statement(session: Session, job: Job, first: date, last: date) -> Statement:
    """Read the overall metrics of run dates."""
    values = {"job": job.name, "first_date": first, "last_date": last}
    return session.statement("dashboard/report_v1", {"metrics": session.target.table("metrics")}, values)
