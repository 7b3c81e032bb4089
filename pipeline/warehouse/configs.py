"""Configurations of jobs: what the target asks of every job, who sends it, and what it may cost."""

from __future__ import annotations

from google.cloud import bigquery

from pipeline.job_labels import job_labels
from pipeline.schemas import Schema
from pipeline.sql_assets import Statement
from pipeline.target import Target
from pipeline.warehouse.labels import as_labels
from pipeline.warehouse.parameters import query_parameters, schema_fields

NO_SQL = {"sql_version": "load"}
"""Labels that stand for the SQL of jobs that have none."""


def query_config(target: Target, statement: Statement, *, is_limited: bool = True) -> bigquery.QueryJobConfig:
    """Return the configuration of a query job; one that is not limited may be billed for any number of bytes."""
    sql = {"sql_version": statement.asset.name, "sql_digest": statement.digest}
    config = bigquery.QueryJobConfig(
        query_parameters=query_parameters(statement),
        labels=_labels(target, sql),
        priority=target.priority,
        use_query_cache=False,
        job_timeout_ms=target.job_timeout * 1000,
    )
    if target.maximum_bytes_billed and is_limited:
        config.maximum_bytes_billed = target.maximum_bytes_billed
    if target.reservation:
        config.reservation = target.reservation
    return config


def load_config(target: Target, schema: Schema) -> bigquery.LoadJobConfig:
    """Return the configuration of a job that replaces a table by JSON Lines.

    Loads cost nothing in the slots that all share: they get no priority, no limit of bytes and no reservation.
    """
    return bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
        schema=schema_fields(schema),
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        labels=_labels(target, NO_SQL),
        job_timeout_ms=target.job_timeout * 1000,
    )


def _labels(target: Target, sql: dict[str, str]) -> dict[str, str]:
    return as_labels({**target.labels, "pipeline": "1", **sql, **job_labels()})
