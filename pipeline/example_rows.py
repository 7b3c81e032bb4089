"""Rows of a run's examples as frames: those to train on, and those to score."""

from __future__ import annotations

import pandas as pd

from pipeline.runs import Run
from pipeline.sql_assets import TableName
from pipeline.statements.job import examples_columns


def training_rows(run: Run, table: TableName) -> pd.DataFrame:
    """Return the rows to train on, shape (rows, columns of the examples), sorted by key."""
    return _rows(run, table, "_trains")


def shard_rows(run: Run, table: TableName, shard: int) -> pd.DataFrame:
    """Return the rows of a shard to score, shape (rows, columns of the examples), sorted by key."""
    return _rows(run, table, f"_scores AND _shard = {shard:d}")


def _rows(run: Run, table: TableName, where: str) -> pd.DataFrame:
    columns = examples_columns(run.session, run.job)
    return run.session.warehouse.read_frame(table, columns, where=where, order_by=run.job.spec.row_key)
