"""Rows of two runs: how many they read and wrote, which of them differ, and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.errors import RequestError
from pipeline.explain.changes import Change
from pipeline.explain.compare_frames import FrameDifference, compare_frames
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.project.project import variant_name
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.examples import examples_unchanged

NOT_COUNTED, NO_MODEL = "examples were not counted", "no model was committed"

NUMBERS: Mapping[str, tuple[str, Callable[[RunRecord], Any]]] = {
    "examples": (NOT_COUNTED, lambda run: run.counts and run.counts.row_count),
    "examples to train on": (NOT_COUNTED, lambda run: run.counts and run.counts.training_rows),
    "examples to score": (NOT_COUNTED, lambda run: run.counts and run.counts.scoring_rows),
    "training rows": (NO_MODEL, lambda run: max((model.training_rows for model in run.models.values()), default=None)),
    "checksum of training rows": (
        NO_MODEL,
        lambda run: ", ".join(sorted({model.data_checksum for model in run.models.values()})) or None,
    ),
    "predictions": (
        "no set of predictions is complete",
        lambda run: sum(manifest.rows for manifest in run.manifests) if run.manifests else None,
    ),
    "published rows": ("nothing was published", lambda run: sum(run.published.values()) if run.published else None),
}
"""What is compared: why a run can lack it, and its value, None if it is lacking."""

INTERNAL = ("_trains", "_scores", "_shard")
"""Columns of a table of examples that say what a row is used for."""

MOST_SCORED = 5_000_000
"""Tables of examples with more rows to score are not read."""


def data_group(pair: Pair) -> Group:
    """Compare rows of each phase, checksums of the training rows, and the files of predictions."""
    changes: list[Change] = []
    not_compared: list[str] = []
    for name, (reason, value_of) in NUMBERS.items():
        values = {letter: value_of(record) for letter, record in pair.sides.items()}
        lacking = [letter for letter, value in values.items() if value is None]
        not_compared += [f"{letter}: {name}: {reason}" for letter in lacking]
        if not lacking and values["A"] != values["B"]:
            changes.append(Change(name, "changed", values["A"], values["B"]))
    manifests = [{variant_name(item.variant): item for item in record.manifests} for record in pair.sides.values()]
    for name in sorted(manifests[0].keys() & manifests[1].keys()):
        first, second = (side[name] for side in manifests)
        if len(first.shards) != len(second.shards):
            not_compared.append(f"predictions of {name}: split into different numbers of files")
            continue
        digests = [{shard.shard: shard.sha256 for shard in manifest.shards} for manifest in (first, second)]
        if digests[0] != digests[1]:
            note = f"{first.rows:,} and {second.rows:,} rows, different content"
            changes.append(Change(f"predictions of {name}", "changed", note=note))
    return Group("data", changes, not_compared)


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
        return "; ".join(record.bundles.errors) or NO_MODEL
    frame = bundle.training_frame()
    return "its bundle does not hold the training rows: there were too many" if frame is None else frame


def _scored_frame(record: RunRecord) -> pd.DataFrame | str:
    run, counts, table = record.run, record.counts, record.run.table("examples")
    if counts is None:
        return NOT_COUNTED
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


@dataclass(frozen=True)
class MetricLine:
    """One overall metric of one variant.

    Parameters
    ----------
    a, b
        Values in the latest evaluation of each run; None without a value.
    difference
        b - a.
    only
        `A` or `B` if only one of the runs has the variant.
    """

    variant: str
    metric: str
    a: float | None
    b: float | None
    difference: float | None
    only: str | None = None


@dataclass(frozen=True)
class MetricsCompared:
    """Metrics of both runs, and which run has none."""

    lines: Sequence[MetricLine]
    not_compared: Sequence[str]


def metrics_of(pair: Pair, headline: Sequence[str]) -> MetricsCompared:
    """Compare the headline metrics of each variant by name, or all metrics if a job has no headline."""
    a, b = (
        {(variant_name(row["variant"]), row["metric"]): row["value"] for row in record.metrics}
        for record in pair.sides.values()
    )
    not_compared = [f"{letter}: not evaluated yet" for letter, values in (("A", a), ("B", b)) if not values]
    keys = {(name, metric) for name, metric in {**a, **b} if metric in (headline or [metric])}
    ordered = sorted(keys, key=lambda key: (key[0], headline.index(key[1]) if headline else 0, key[1]))
    lines = []
    for name, metric in ordered:
        old, new = a.get((name, metric)), b.get((name, metric))
        difference = None if old is None or new is None else new - old
        letters = [letter for letter, record in pair.sides.items() if name in record.variants]
        lines.append(MetricLine(name, metric, old, new, difference, letters[0] if len(letters) == 1 else None))
    return MetricsCompared(lines, not_compared)
