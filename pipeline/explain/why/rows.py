"""The rows that two runs were trained on and had to score, compared by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.errors import RequestError
from pipeline.explain.compare_frames import FrameDifference, compare_frames
from pipeline.explain.why.record import Pair, RunRecord
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.examples import examples_stand

INTERNAL = ("_trains", "_scores", "_shard")
"""Columns of a table of examples that say what a row is for."""


MOST_SCORED = 5_000_000
"""Rows to score up to which tables of examples are read to be compared."""


@dataclass(frozen=True)
class RowsCompared:
    """Rows of two runs beside each other.

    Parameters
    ----------
    key
        Columns that tell rows apart.
    difference
        None where the checksums are equal, or where the rows could not be compared.
    lost
        Why they could not be compared.
    """

    name: str
    key: list[str]
    difference: FrameDifference | None = None
    lost: Sequence[str] = ()

    @property
    def state(self) -> str:
        """`differs`, `the same` or `not compared`."""
        if self.lost:
            return "not compared"
        return "the same" if self.difference is None or self.difference.same else "differs"


def training_rows(pair: Pair, key: list[str]) -> RowsCompared:
    """Compare the training frames that the bundles hold; they are not read where their checksums are equal."""
    infos = [record.kept.bundle.info for record in pair.sides.values() if record.kept.bundle]
    if len(infos) == 2 and len({info.content["training_data"]["checksum"] for info in infos}) == 1:
        return RowsCompared("training rows", key)
    return _compare(pair, "training rows", key, _training_frame)


def scored_rows(pair: Pair, key: list[str]) -> RowsCompared:
    """Compare the rows to score, while the tables of examples are there."""
    return _compare(pair, "rows to score", key, _scored_frame)


def _compare(pair: Pair, name: str, key: list[str], read: Callable[[RunRecord], pd.DataFrame | str]) -> RowsCompared:
    """Compare what is read of both runs; text says why nothing was."""
    a, b = read(pair.a), read(pair.b)
    if isinstance(a, str) or isinstance(b, str):
        lost = [f"{letter}: {said}" for letter, said in (("A", a), ("B", b)) if isinstance(said, str)]
        return RowsCompared(name, key, lost=lost)
    lacking = [column for column in key if column not in a.columns or column not in b.columns]
    if lacking:
        return RowsCompared(name, key, lost=[f"the rows of both have no column {', '.join(lacking)} of the job's key"])
    return RowsCompared(name, key, compare_frames(a, b, key))


def _training_frame(record: RunRecord) -> pd.DataFrame | str:
    bundle = record.kept.bundle
    if bundle is None:
        return "; ".join(record.kept.lost) or "no model was committed"
    frame = bundle.training_frame()
    return "its bundle does not hold the training rows: there were too many" if frame is None else frame


def _scored_frame(record: RunRecord) -> pd.DataFrame | str:
    run, counts, table = record.run, record.counts, record.run.table("examples")
    if counts is None:
        return "examples were not counted"
    if counts.scoring_rows > MOST_SCORED:
        return f"{counts.scoring_rows:,} rows are more than are read ({MOST_SCORED:,})"
    if not examples_stand(run, counts):
        return f"{table} is gone, or not as it was"
    warehouse = run.session.warehouse
    try:
        schema = warehouse.tables.schema(table)
    except RequestError as error:  # a column of a type that frames do not have
        return error.what
    columns = Schema(tuple(column for column in schema.columns if column.name not in INTERNAL))
    order = [name for name in run.job.spec.row_key if name in columns]
    return warehouse.read_frame(table, columns, where="_scores", order_by=order or columns.names[:1])
