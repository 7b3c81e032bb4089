"""Training rows and rows to score of two runs, compared by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.errors import RequestError
from pipeline.explain.compare_frames import FrameDifference, compare_frames
from pipeline.explain.why.record import Pair, RunRecord
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.examples import examples_unchanged

INTERNAL = ("_trains", "_scores", "_shard")
"""Columns of a table of examples that say what a row is used for."""

MOST_SCORED = 5_000_000
"""Tables of examples with more rows to score are not read."""


@dataclass(frozen=True)
class RowsCompared:
    """Rows of two runs, compared.

    Parameters
    ----------
    key
        Columns that tell rows apart.
    difference
        None if the checksums are equal or the rows could not be compared.
    not_compared
        Why they could not be compared.
    """

    name: str
    key: list[str]
    difference: FrameDifference | None = None
    not_compared: Sequence[str] = ()

    @property
    def state(self) -> str:
        """`differs`, `the same` or `not compared`."""
        if self.not_compared:
            return "not compared"
        return "the same" if self.difference is None or self.difference.same else "differs"


def training_rows(pair: Pair, key: list[str]) -> RowsCompared:
    """Compare the training frames of the bundles; they are not read if their checksums are equal."""
    infos = [record.bundles.whole.info for record in pair.sides.values() if record.bundles.whole]
    if len(infos) == 2 and len({info.content["training_data"]["checksum"] for info in infos}) == 1:
        return RowsCompared("training rows", key)
    return _compare(pair, "training rows", key, _training_frame)


def scored_rows(pair: Pair, key: list[str]) -> RowsCompared:
    """Compare the rows to score while the tables of examples exist."""
    return _compare(pair, "rows to score", key, _scored_frame)


def _compare(pair: Pair, name: str, key: list[str], read: Callable[[RunRecord], pd.DataFrame | str]) -> RowsCompared:
    """Compare what a function reads of both runs: a frame of shape (rows, columns), or the reason for having none."""
    a, b = read(pair.a), read(pair.b)
    if isinstance(a, str) or isinstance(b, str):
        reasons = [f"{letter}: {reason}" for letter, reason in (("A", a), ("B", b)) if isinstance(reason, str)]
        return RowsCompared(name, key, not_compared=reasons)
    missing = [column for column in key if column not in a.columns or column not in b.columns]
    if missing:
        reason = f"the rows of one run have no column {', '.join(missing)} of the job's key"
        return RowsCompared(name, key, not_compared=[reason])
    return RowsCompared(name, key, compare_frames(a, b, key))


def _training_frame(record: RunRecord) -> pd.DataFrame | str:
    bundle = record.bundles.whole
    if bundle is None:
        return "; ".join(record.bundles.errors) or "no model was committed"
    frame = bundle.training_frame()
    return "its bundle does not hold the training rows: there were too many" if frame is None else frame


def _scored_frame(record: RunRecord) -> pd.DataFrame | str:
    run, counts, table = record.run, record.counts, record.run.table("examples")
    if counts is None:
        return "examples were not counted"
    if counts.scoring_rows > MOST_SCORED:
        return f"{counts.scoring_rows:,} rows exceed the limit of {MOST_SCORED:,}"
    if not examples_unchanged(run, counts):
        return f"{table} is gone or was changed"
    warehouse = run.session.warehouse
    try:
        schema = warehouse.tables.schema(table)
    except RequestError as error:  # a column of a type that frames do not have
        return error.what
    columns = Schema(tuple(column for column in schema.columns if column.name not in INTERNAL))
    order = [name for name in run.job.spec.row_key if name in columns]
    return warehouse.read_frame(table, columns, where="_scores", order_by=order or columns.names[:1])
