"""Checks of what a model returns: all columns, each key once, exactly the keys of the examples, few rejects."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from pipeline.errors import CheckError, quoted
from pipeline.project.project import Job
from pipeline.rows.rejects import Split, split_frame
from pipeline.runs.artefacts.examples import Examples, check_read
from pipeline.runs.artefacts.predictions import Manifest
from pipeline.runs.check_rules import FIX_PREDICT
from pipeline.runs.run import Run

SHOWN = 5
"""Number of keys that a message shows."""


def check_predictions(job: Job, variant: str, examples: pd.DataFrame, predictions: pd.DataFrame) -> Split:
    """Return predictions split by the prediction schema, after checks of the whole set.

    Parameters
    ----------
    variant
        Named in the error.
    examples
        Rows to predict for, shape (examples, columns).
    predictions
        What the model returned for them, shape (predictions, columns). Single values that do not fit the schema are
        not errors here: the split has their rows as rejects.

    Raises
    ------
    CheckError
        Columns are missing, keys occur twice, keys are not in the examples, or an example has no prediction. Where the
        model predicts a part of the key, such as the items of a user's list, an entity may have none.
    """
    missing = [name for name in job.prediction_schema.names if name not in predictions.columns]
    if missing:
        raise CheckError(f"{variant}: predictions lack {', '.join(missing)}", hint=FIX_PREDICT)
    split = split_frame(predictions, job.prediction_schema, origin=variant)
    doubled = int(split.fitting(job.spec.prediction_key).duplicated().sum())
    if doubled:
        raise CheckError(f"{variant}: predicts {doubled} keys twice", hint=FIX_PREDICT)
    _check_keys(job, variant, examples, split)
    return split


def _check_keys(job: Job, variant: str, examples: pd.DataFrame, split: Split) -> None:
    """Compare the keys that were given to `predict` with those that it answered.

    A column of the prediction key that the model predicts, such as an item or a rank, is given by no example. Then an
    entity may have no prediction, unless examples are told apart by the rest of the key.
    """
    predicted = set(job.spec.predictions.columns)
    key = [name for name in job.spec.prediction_key if name not in predicted and name in examples.columns]
    asked = examples[key].reset_index(drop=True)
    named = split.fitting(key).astype(dict(asked.dtypes))
    if len(named) == len(split.frame) and named.equals(asked):
        return  # the usual case, without a hash of every key
    wanted, answered = (pd.MultiIndex.from_frame(frame).drop_duplicates() for frame in (asked, named))
    needed = len(key) == len(job.spec.prediction_key) or set(job.spec.row_key) == set(key)
    missing, unknown = wanted.difference(answered) if needed else wanted[:0], answered.difference(wanted)
    unfit = len(split.frame) - len(named)
    if len(missing) or len(unknown) or unfit:
        message = (
            f"{variant}: of {len(wanted)} keys ({', '.join(key)}) {len(missing)} have no prediction{_some(missing)}, "
            f"{len(unknown) + unfit} were not asked for{_some(unknown)}"
        )
        raise CheckError(message, hint=f"{FIX_PREDICT}: it answers each row that it gets, and no other")


def _some(keys: pd.MultiIndex) -> str:
    """Return up to five keys as text."""
    if keys.empty:
        return ""
    texts = ["/".join(map(str, key)) for key in keys[:SHOWN]]
    return f" ({quoted(', '.join(texts))}{', ...' if len(keys) > SHOWN else ''})"


def check_rows_read(examples: Examples, manifests: Sequence[Manifest]) -> None:
    """Raise unless the shards of each complete set were made from all rows that preprocess counted.

    Raises
    ------
    CheckError
        Rows are missing, for instance because no shard has them.
    """
    for manifest in manifests:
        read = [shard.read for shard in manifest.shards if shard.read is not None]
        if len(read) == len(manifest.shards):
            check_read(f"{manifest.variant}: predict", examples.table, sum(read), examples.counts.scoring_rows)


def is_above(rejected: int, rows: int, max_reject_rate: float) -> bool:
    """Tell whether more of `rows` were rejected than a share from 0 to 1 allows; NaN allows none."""
    return rejected > 0 and not rejected / rows <= max_reject_rate


def check_reject_rate(run: Run, manifests: Sequence[Manifest], max_reject_rate: float) -> None:
    """Raise if a set of predictions has too many rejected rows.

    Parameters
    ----------
    manifests
        Complete sets that are not committed yet.
    max_reject_rate
        Largest share, from 0 to 1, of the rows that a model returned.

    Raises
    ------
    CheckError
        The share of a model is larger, or the file that describes its rejected rows is gone.
    """
    for manifest in manifests:
        rows = manifest.rows + manifest.rejected
        if is_above(manifest.rejected, rows, max_reject_rate):
            uri = manifest.rejects[0]
            content = run.session.store.read_bytes(uri)
            if content is None:
                raise CheckError(f"{uri}: this file of rejected rows is gone", hint="add --rerun")
            first = json.loads(content.split(b"\n", 1)[0])
            message = (
                f"{manifest.variant}: {manifest.rejected} of {rows} predictions do not fit the prediction schema, more "
                f"than --max-reject-rate {max_reject_rate:g} allows; the first is {first['file']}: line "
                f"{first['line']}, column {first['column']}: {first['reason']}; see {uri}"
            )
            raise CheckError(message, hint=f"nothing of it was published; {FIX_PREDICT}, or allow more")
