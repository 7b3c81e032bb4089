"""Checks job.yaml against the SQL that it names: columns, keys, slices, metrics and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import RequestError
from pipeline.project.gate_rule import gate_rule
from pipeline.project.job_yaml import LABEL, MOMENT
from pipeline.project.metric_spec import ENGINE_PARAMETERS, RESERVED, MetricSpec
from pipeline.project.project import Job
from pipeline.rows.schema import engine_name
from pipeline.sql import Asset, Catalogue
from pipeline.sql.header import DeclaredType, fits

KEY = "which is part of the key"

ROLES = {MOMENT: "the moment of each row", LABEL: "which the metrics judge by"}
"""What the columns are that the engine reads; all others that it needs are parts of the key."""


def check_assets(catalogue: Catalogue, job: Job) -> None:
    """Read the SQL that a job names and compare it with job.yaml, before anything is started.

    Raises
    ------
    RequestError
        SQL is missing or malformed, or a key of job.yaml does not fit the SQL or the metric family.
    """
    spec = MetricSpec.of(job)
    if job.spec.family not in catalogue.families():
        what = f"there is no {job.spec.family!r}"
        raise job.error("family", what, f"the families are: {', '.join(catalogue.families())}")
    examples, labels = catalogue.get(job.spec.examples.sql), catalogue.get(job.spec.labels.sql)
    family = catalogue.get(spec.asset)
    if job.spec.gate:
        gate_rule(catalogue, job, job.spec.gate)
    _check_columns(examples, [*examples.columns.names, LABEL])
    _check_columns(labels, labels.columns.names)
    _check_slices(job, labels)
    _check_keys(job, family)
    _check_examples(job, examples)
    _check_labels(job, labels, examples)
    _check_predicted_columns(job, family)
    _check_types(job, family, labels)
    _check_metrics(job, family)


def _check_examples(job: Job, examples: Asset) -> None:
    """Raise if the examples SQL lacks a column that the engine reads, or has one that the engine adds."""
    types = {column.name: column.type for column in job.key_schema.columns}
    _check_header(examples, {name: types.get(name, "") for name in job.spec.row_key} | {MOMENT: "TIMESTAMP"})
    if name := engine_name(examples.columns.names, "examples"):
        is_label = name.lower() == LABEL
        hint = f"remove it: {job.spec.labels.sql} gives the label" if is_label else "give the column another name"
        raise RequestError(f"{examples.path}: key columns: the pipeline itself adds a column {name}", hint=hint)


def _check_labels(job: Job, labels: Asset, examples: Asset) -> None:
    """Raise if the labels SQL lacks the label or a column of the key, or has a name of the engine."""
    types = {column.name: column.type for column in examples.columns.columns}
    _check_header(labels, {name: types[name] for name in job.spec.row_key} | {LABEL: ""})
    if name := engine_name(labels.columns.names, "labels"):
        what = f"{labels.path}: key columns: the pipeline itself adds a column {name}"
        raise RequestError(what, hint="give the column another name")


def _check_header(asset: Asset, needed: Mapping[str, str]) -> None:
    """Raise if a header lacks a column, or declares it with another type; an empty type is any."""
    types = {column.name: column.type for column in asset.columns.columns}
    for name, kind in needed.items():
        where = f"{asset.path}: key columns:"
        if name not in types:
            hint = f"return it from the SELECT, and declare it in the header{f' as {kind}' if kind else ''}"
            raise RequestError(f"{where} no column {name}, {ROLES.get(name, KEY)}", hint=hint)
        if kind and types[name] != kind:
            what = f"{where} {name} is {types[name]}, but {ROLES.get(name, KEY)}, is {kind} elsewhere"
            if name == MOMENT:
                what = f"{where} {name} is {types[name]}, but {ROLES[name]}, must be {kind}"
            raise RequestError(what, hint=f"cast it to {kind} in the SELECT, and declare that in the header")


def _check_types(job: Job, family: Asset, labels: Asset) -> None:
    """Raise if the label, or a predicted column, has a type that the metric family cannot judge."""
    within = MetricSpec.of(job).within
    for place, kinds in family.header.types.items():
        name = within[0] if place == "{within}" else place
        is_label = name == LABEL
        columns = labels.columns if is_label else job.prediction_schema
        kind = next((column.type for column in columns.columns if column.name == name), None)
        if kind is not None and kind not in kinds:
            words = f"{name} is {kind}, which {family.name} cannot judge"
            hint = f"make it {' or '.join(kinds)}"
            if is_label:
                raise RequestError(f"{labels.path}: key columns: {words}", hint=f"{hint}: cast it in the SELECT")
            raise job.error("predictions.columns", words, hint)


def _check_columns(asset: Asset, columns: Sequence[str]) -> None:
    """Raise if a check names a column that its SQL does not make."""
    for check in asset.header.checks:
        unknown = [name for name in check.columns if name not in columns]
        if unknown:
            message = f"{asset.path}: key checks: {check.text}: no column {unknown[0]}"
            raise RequestError(message, hint="name a column that the header declares")


def _check_slices(job: Job, labels: Asset) -> None:
    """Raise if slices, weight or clusters are not columns of the labels SQL, or not of the right type."""
    types = {column.name: column.type for column in (*labels.columns.columns, *job.key_schema.columns)}
    for name in job.spec.slices:
        if name in RESERVED or name in job.spec.predictions.columns:
            what = f"the metrics themselves use the name {name}"
            raise job.error("slices", what, "give the column another name in the labels SQL")
        if types.get(name) != "STRING":
            what = f"{name} is not a STRING column of {job.spec.labels.sql}"
            raise job.error("slices", what, "name a column of the labels SQL, cast to STRING there")
    for name in job.spec.cluster:
        if name not in types:
            what = f"{name} is not a column of {job.spec.labels.sql} or of the prediction key"
            raise job.error("cluster", what, f"the columns are: {', '.join(types)}")
    if job.spec.weight and types.get(job.spec.weight) not in ("FLOAT64", "INT64", "NUMERIC"):
        what = f"{job.spec.weight} is not a number of {job.spec.labels.sql}"
        raise job.error("weight", what, "name a column of the labels SQL of type FLOAT64 or INT64")


def _check_keys(job: Job, family: Asset) -> None:
    """Raise if the metric family cannot join predictions and labels by their keys."""
    spec, places = MetricSpec.of(job), family.header.identifiers
    for place, columns, lacks in (
        ("within", spec.within, "of prediction_key that example_key lacks"),
        ("item", spec.item, "of example_key that prediction_key lacks"),
    ):
        if len(columns) != (place in places):
            number = "one column" if place in places else "no column"
            what = f"{family.name} needs {number} {lacks}"
            raise job.error("example_key", what, f"now it is: {', '.join(columns) or 'none'}; see docs/metrics.md")
    if "item" in places and (name := engine_name(job.spec.row_key, "lists")):
        raise job.error("example_key", f"{family.name} itself has a column {name}", "choose another name")
    for name in spec.item:
        if name not in job.spec.predictions.columns:
            raise job.error("example_key", f"{name} is not a predicted column", "predict it, or fix the name")
        for column in job.spec.slices:
            if column in job.spec.row_key:
                what = f"{column} is part of example_key"
                raise job.error("slices", what, "copy it under another name in the labels SQL")


def _check_predicted_columns(job: Job, family: Asset) -> None:
    """Raise if predictions lack a column that the metric family checks."""
    for name in sorted(columns_to_judge(family) - set(job.prediction_schema.names)):
        what = f"no column {name}, which {family.name} needs"
        raise job.error("predictions", what, "give the predicted column this name, see docs/metrics.md")


def columns_to_judge(family: Asset) -> set[str]:
    """Return the predicted columns that a metric family checks; names in braces are those of keys."""
    return {name for check in family.header.prediction_checks for name in check.columns if name[0] != "{"}


def _check_metrics(job: Job, family: Asset) -> None:
    """Raise for parameters that the metric family does not have, and headline metrics that it does not compute."""
    parameters = family.header.parameters
    known = [name for name in parameters if name not in ENGINE_PARAMETERS]
    for name, value in job.spec.metrics.parameters.items():
        if name not in known:
            what = f"{family.name} has no parameter {name}"
            raise job.error("metrics", what, f"the parameters are: {', '.join(known) or 'none'}")
        if value is None or not fits(value, parameters[name]):
            raise job.error("metrics", f"{name} must be {parameters[name]}, not {value!r:.60}", "fix the value")
        if not _are_counts(value, parameters[name]):
            what = f"{name} must be at least 1, and a list not empty and without repetitions"
            raise job.error("metrics", what, "fix the value")
    metrics = MetricSpec.of(job).metrics(family)
    for name in job.spec.headline:
        if name not in metrics:
            raise job.error("headline", f"there is no metric {name!r}", f"the metrics are: {', '.join(metrics)}")


def _are_counts(value: Any, declared: DeclaredType) -> bool:
    """Tell whether integers are counts: of positions, of bins, percents. Other types pass."""
    values = value if isinstance(value, list) else [value]
    if declared not in ("INT64", ["INT64"]):
        return True
    return bool(values) and min(values) >= 1 and len(set(values)) == len(values)
