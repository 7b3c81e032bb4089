"""Checks of what a model returns: all columns, each key once, exactly the entities of the examples, few rejects."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from pipeline.errors import CheckError
from pipeline.project.project import Job
from pipeline.rows.rejects import Split, split_frame
from pipeline.runs.artefacts.predictions import Manifest
from pipeline.runs.run import Run

HINT = "fix the model's predict"


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
        Columns are missing, keys occur twice, entities are not in the examples, or an example that is an entity has no
        prediction. An entity that may have several predictions, such as a user with a list, may have none.
    """
    missing = [name for name in job.prediction_schema.names if name not in predictions.columns]
    if missing:
        raise CheckError(f"{variant}: predictions lack {', '.join(missing)}", hint=HINT)
    split = split_frame(predictions, job.prediction_schema, origin=variant)
    doubled = int(split.fitting(job.spec.prediction_key).duplicated().sum())
    if doubled:
        raise CheckError(f"{variant}: predicts {doubled} keys twice", hint=HINT)
    _check_entities(job, variant, examples, split)
    return split


def _check_entities(job: Job, variant: str, examples: pd.DataFrame, split: Split) -> None:
    entity = job.spec.entity
    named = split.fitting(entity)
    wanted = pd.MultiIndex.from_frame(examples[entity]).drop_duplicates()
    predicted = pd.MultiIndex.from_frame(named.astype(dict(examples[entity].dtypes))).drop_duplicates()
    unknown = len(predicted.difference(wanted)) + len(split.frame) - len(named)
    example_is_entity = set(job.spec.row_key) == set(entity)  # then each entity needs a prediction
    missing = len(wanted.difference(predicted)) if example_is_entity else 0
    if unknown or missing:
        message = f"{variant}: of {len(wanted)} entities {missing} have no prediction, {unknown} were not asked for"
        raise CheckError(message, hint=HINT)


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
            raise CheckError(message, hint=f"nothing of it was published; {HINT}, or allow more")
