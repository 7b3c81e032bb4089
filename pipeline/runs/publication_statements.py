"""Statements that check loaded predictions, publish them and read what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.project.project import Job
from pipeline.runs.check_rules import Rule, check_places
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Statement, TableName


def keyed_profile_statement(
    session: Session, table: TableName, key: Sequence[str], columns: Sequence[str], rules: Sequence[Rule]
) -> Statement:
    """Count the rows of a keyed run table and those that fail each rule, and fingerprint them."""
    identifiers: dict[str, Identifier] = {"table": table, "key": list(key), "columns": list(columns)}
    return session.statement("phases/keyed_profile_v1", identifiers | check_places(rules))


def publish_statement(session: Session, job: Job, loaded: TableName, values: Mapping[str, Any]) -> Statement:
    """Replace a slice of the published predictions; `values` are the statement's parameters."""
    identifiers: dict[str, Identifier] = {
        "predictions": session.target.table(job.predictions_table),
        "loaded": loaded,
        "columns": job.prediction_schema.names,
    }
    return session.statement("phases/publish_v1", identifiers, values)


def published_statement(session: Session, job: Job, first: date, last: date) -> Statement:
    """Read the runs and models of the published slices."""
    values = {"first_date": first, "last_date": last}
    return session.statement(
        "phases/published_v1", {"predictions": session.target.table(job.predictions_table)}, values
    )


def published_slice_statement(
    session: Session, predictions: TableName, columns: Sequence[str], run_date: date, run_id: str
) -> Statement:
    """Read the predictions that a run published, with the columns that metrics need."""
    identifiers: dict[str, Identifier] = {"predictions": predictions, "columns": list(columns)}
    return session.statement("phases/published_slice_v1", identifiers, {"run_date": run_date, "run_id": run_id})


def published_span_statement(
    session: Session, predictions: TableName, columns: Sequence[str], run_ids: Mapping[date, str]
) -> Statement:
    """Read the predictions that runs published, pooled over their run dates."""
    identifiers: dict[str, Identifier] = {"predictions": predictions, "columns": list(columns)}
    values = {"run_dates": sorted(run_ids), "run_ids": sorted(run_ids.values())}
    return session.statement("phases/published_span_v1", identifiers, values)


def staged_predictions_statement(session: Session, staged: TableName, columns: Sequence[str], name: str) -> Statement:
    """Read predictions that were staged from a file; `name` is the variant in the metric rows."""
    identifiers: dict[str, Identifier] = {"staged": staged, "columns": list(columns)}
    values = {"run_id": "", "model_id": "", "variant": name}
    return session.statement("phases/staged_predictions_v1", identifiers, values)


def id_map_rows_statement(session: Session, job: str, run_date: date) -> Statement:
    """Read the id<->index tables that are published for the models of a run date."""
    id_maps = session.target.table("id_maps_v1")
    return session.statement("phases/id_map_rows_v1", {"id_maps": id_maps}, {"job": job, "run_date": run_date})


def replace_id_map_statement(
    session: Session, job: Job, run_date: date, loaded: TableName, model_id: str, name: str
) -> Statement:
    """Replace a published id<->index table of a model by a loaded one."""
    tables = {"id_maps": session.target.table("id_maps_v1"), "loaded": loaded}
    values = {"job": job.name, "run_date": run_date, "model_id": model_id, "map_name": name}
    return session.statement("phases/replace_id_map_v1", tables, values)
