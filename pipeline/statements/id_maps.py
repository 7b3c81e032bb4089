"""Statements about id<->index tables of models."""

from __future__ import annotations

from datetime import date

from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import Statement, TableName


def id_map_rows_statement(session: Session, job: str, run_date: date) -> Statement:
    """Read which id<->index tables stand for the models of a run date."""
    id_maps = session.target.table("id_maps_v1")
    return session.statement("phases/id_map_rows_v1", {"id_maps": id_maps}, {"job": job, "run_date": run_date})


def replace_id_map_statement(
    session: Session, job: Job, run_date: date, loaded: TableName, model_id: str, name: str
) -> Statement:
    """Put a loaded id<->index table in the place of what stands there of a model."""
    tables = {"id_maps": session.target.table("id_maps_v1"), "loaded": loaded}
    values = {"job": job.name, "run_date": run_date, "model_id": model_id, "map_name": name}
    return session.statement("phases/replace_id_map_v1", tables, values)
