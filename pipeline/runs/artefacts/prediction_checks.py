"""What a model has to answer: the columns of the schema, each key once, whoever was asked about and nobody else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.errors import CheckError
from pipeline.project.project import Job
from pipeline.rows.rejects import split_frame
from pipeline.runs.artefacts.predictions import Manifest, ShardFile
from pipeline.runs.run import Run


def check_predictions(job: Job, variant: str, examples: pd.DataFrame, predictions: pd.DataFrame) -> None:
    """Refuse predictions that no schema can tell from right ones.

    Parameters
    ----------
    variant
        Named in the error.
    examples
        Rows that were asked about, shape (examples, columns).
    predictions
        What the model returned for them, shape (predictions, columns); single values that do not fit are not looked at
        here (see `rejects`).

    Raises
    ------
    CheckError
        Columns are missing, keys come twice, entities were not asked about, or an example that is an entity has no
        prediction; an entity that may have several, such as a user with a list, may have none.
    """
    missing = [name for name in job.prediction_schema.names if name not in predictions.columns]
    if missing:
        raise CheckError(f"{variant}: predictions lack {', '.join(missing)}", hint="mend the model's predict")
    keys = split_frame(predictions, job.key_schema, origin=variant).rows
    doubled = int(keys.duplicated().sum())
    if doubled:
        raise CheckError(f"{variant}: predicts {doubled} keys twice", hint="mend the model's predict")
    _check_entities(job, variant, examples, predictions)


def _check_entities(job: Job, variant: str, examples: pd.DataFrame, predictions: pd.DataFrame) -> None:
    entity = job.spec.entity
    all_asked = set(job.spec.row_key) == set(entity)  # an example is an entity, so each has to have a prediction
    named = split_frame(predictions, job.key_schema.select(entity), origin=variant)
    asked = pd.MultiIndex.from_frame(examples[entity]).drop_duplicates()
    answered = pd.MultiIndex.from_frame(named.rows.astype(dict(examples[entity].dtypes))).drop_duplicates()
    unknown = len(answered.difference(asked)) + len(named.rejects)
    missing = len(asked.difference(answered)) if all_asked else 0
    if unknown or missing:
        what = f"{variant}: of {len(asked)} entities {missing} have no prediction, {unknown} were not asked for"
        raise CheckError(what, hint="mend the model's predict")


def is_above(rejected: int, rows: int, max_reject_rate: float) -> bool:
    """Tell whether too many rows of `rows` were rejected; a rate that is no number allows none."""
    return rejected > 0 and not rejected / rows <= max_reject_rate


def check_reject_rate(run: Run, manifests: Sequence[Manifest], max_reject_rate: float) -> None:
    """Raise when a set of predictions has too many rejected rows.

    Parameters
    ----------
    manifests
        Complete sets that are not committed yet.
    max_reject_rate
        Rejected rows that are allowed, as a share of all rows that a model returned.

    Raises
    ------
    CheckError
        A model has more.
    """
    above = [each for each in manifests if is_above(each.rejected, each.rows + each.rejected, max_reject_rate)]
    if above:
        raise _error(run, above[0], max_reject_rate)


def _error(run: Run, manifest: Manifest, max_reject_rate: float) -> CheckError:
    shard = next(shard for shard in manifest.shards if shard.rejected)
    first = _first_reject(run, shard)
    rows = manifest.rows + manifest.rejected
    what = (
        f"{manifest.variant}: {manifest.rejected} of {rows} predictions do not fit the prediction schema, more than "
        f"--max-reject-rate {max_reject_rate:g} allows; the first is {first['file']}: line {first['line']}, "
        f"column {first['column']}: {first['reason']}; see {shard.rejects}"
    )
    return CheckError(what, hint="nothing was published; mend the model's predict, or allow more")


def _first_reject(run: Run, shard: ShardFile) -> dict[str, Any]:
    content = run.session.store.read_bytes(shard.rejects)
    if content is None:
        raise CheckError(f"{shard.rejects}: this file of rejected rows is gone", hint="add --rerun")
    first: dict[str, Any] = json.loads(content.split(b"\n", 1)[0])
    return first
