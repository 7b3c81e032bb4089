"""What a model has to answer: the columns of the schema, each key once, whoever was asked about and nobody else."""

from __future__ import annotations

import pandas as pd

from pipeline.errors import CheckError
from pipeline.project import Job
from pipeline.rejects import split_frame


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
