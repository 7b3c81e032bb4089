"""Time and memory of reading a table into a frame, beside bare Storage Read and Arrow.

The bare side reads the streams of a read session as Arrow tables and makes a frame of them. Ours also checks types,
casts without loss, sorts by the key, and retries what is transient.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

from benchmarks.judge import emulated
from benchmarks.measuring import elsewhere, high_water, memory_settings, ratio, resident
from benchmarks.sizes import Sizes
from pipeline.cloud.bigquery.clients import read_client
from pipeline.project.project import Project
from pipeline.project.target import Target
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.sql import TableName

NUMBERS = [f"x{number}" for number in range(7)]
SCHEMA = Schema.parse(
    {"id": "INT64 NOT NULL", "day": "DATE NOT NULL", "name": "STRING", **dict.fromkeys(NUMBERS, "FLOAT64")}
)


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure both alternately, and memory in a process of its own, with the settings of the image."""
    with emulated() as session:
        table = filled(session, sizes.rows, "read")
        few = filled(session, 1000, "few")
        return {
            "read": ratio(lambda: ours(session, table), lambda: bare(session, table), sizes.pairs),
            "read_memory": elsewhere(peak_beside_frame, session.target, few, table, environment=memory_settings()),
        }


def filled(session: Session, rows: int, name: str) -> TableName:
    """Make a table of some rows in a mixed order, and return it."""
    table = session.target.run_table(name)
    numbers = ", ".join(f"MOD(id * {7919 + n}, 1000003) / 1000003 AS {name}" for n, name in enumerate(NUMBERS))
    sql = f"""CREATE TABLE {table.quoted} AS
        SELECT id, DATE_ADD(DATE '2026-01-01', INTERVAL MOD(id, 7) DAY) AS day, CONCAT('name ', MOD(id, 1000)) AS name,
        {numbers} FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS id ORDER BY MOD(id * 7919, 1000003)"""
    session.warehouse._client.query(sql, timeout=60).result(timeout=300)
    return table


def ours(session: Session, table: TableName) -> pd.DataFrame:
    """Return the rows of a table as the pipeline reads them, shape (rows, 10)."""
    return session.warehouse.read_frame(table, SCHEMA, order_by=["id"])


def bare(session: Session, table: TableName) -> pd.DataFrame:
    """Return the rows of a table as Google's client and Arrow read them, shape (rows, 10)."""
    client = read_client(session.target)
    place = f"projects/{table.project}/datasets/{table.dataset}/tables/{table.name}"
    asked = types.ReadSession(table=place, data_format=types.DataFormat.ARROW)
    opened = client.create_read_session(parent=f"projects/{table.project}", read_session=asked)
    streams = [client.read_rows(stream.name).to_arrow(opened) for stream in opened.streams]
    return pa.concat_tables(streams).to_pandas()


def peak_beside_frame(target: Target, few: TableName, table: TableName) -> float:
    """Return the peak memory of reading a table, beside the memory of the frame; imports are done before."""
    session = Session.open(Project.open(Path()), target)
    ours(session, few)
    before = resident()
    frame = ours(session, table)
    return (high_water() - before) / (frame.memory_usage(deep=True).sum() / 1024**2)
