"""The SQL that a job brings, rendered over its sources: examples and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipeline.errors import RequestError
from pipeline.project.gate_rule import gate_rule
from pipeline.project.job_yaml import SqlStep
from pipeline.project.metric_spec import ENGINE_PARAMETERS, RESERVED, MetricSpec
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.runs.tables import function_name
from pipeline.sql import Asset, Catalogue, Statement, TableName, render
from pipeline.sql.header import DeclaredType, fits

LABEL = "label"
"""Column of the labels SQL that stands beside the examples, too."""


@dataclass(frozen=True)
class Asked:
    """What a query is asked for.

    Parameters
    ----------
    run_date
        `@run_date`.
    first_date, last_date
        `@first_date` and `@last_date`: the run dates whose rows are asked for.
    as_of
        `@as_of`: what the query may know.
    snapshot_at
        Moment at which base tables are read; now when None.
    """

    run_date: date
    first_date: date
    last_date: date
    as_of: datetime
    snapshot_at: datetime | None = None


def job_query(
    session: Session, job: Job, step: SqlStep, asked: Asked, tables: Mapping[str, TableName] | None = None
) -> Statement:
    """Render a SQL asset of a job; engine values are passed where the header declares them.

    Parameters
    ----------
    step
        Asset and parameters, as job.yaml names them.
    tables
        Tables to read in place of the job's sources.
    """
    asset = session.catalogue.get(step.sql)
    supplied: dict[str, Any] = {
        "as_of": asked.as_of,
        "run_date": asked.run_date,
        "first_date": asked.first_date,
        "last_date": asked.last_date,
        "time_zone": job.spec.time_zone,
        "history_days": job.spec.examples.history_days,
    }
    used = {name: value for name, value in supplied.items() if name in asset.header.parameters}
    known = tables or source_tables(session, job)
    sources = {name: known[name] for name in asset.header.identifiers if name in job.spec.sources}
    functions = {name: function_name(session, name) for name in asset.function_names}
    values = {**used, **step.parameters}
    return render(
        asset, {**sources, **functions}, values, snapshot_at=asked.snapshot_at, snapshot_of=frozenset(sources)
    )


def check_assets(catalogue: Catalogue, job: Job) -> None:
    """Read the SQL that a job names, so that what is missing or malformed is said before anything is started."""
    where = job.folder / "job.yaml"
    if job.spec.family not in catalogue.families():
        what = f"{where}: key family: there is no {job.spec.family!r}"
        raise RequestError(what, hint=f"the families are: {', '.join(catalogue.families())}")
    for name in (job.spec.examples.sql, job.spec.labels.sql, MetricSpec.of(job).asset):
        catalogue.get(name)
    if job.spec.gate:
        gate_rule(catalogue, job, job.spec.gate)
    examples, labels = catalogue.get(job.spec.examples.sql), catalogue.get(job.spec.labels.sql)
    _check_columns(examples, [*examples.columns.names, LABEL])
    _check_columns(labels, labels.columns.names)
    family = catalogue.get(MetricSpec.of(job).asset)
    _check_slices(job, labels)
    _check_keys(job, family)
    _check_judged(job, family)
    _check_metrics(job, family)


def _check_slices(job: Job, labels: Asset) -> None:
    """Refuse slices, a weight or clusters that are no columns of the labels SQL, or not of the right type."""
    where, key = job.folder / "job.yaml", {column.name: column.type for column in job.key_schema.columns}
    types = {column.name: column.type for column in labels.columns.columns} | key
    for name in job.spec.slices:
        if name in RESERVED or name in job.spec.predictions.columns:
            what = f"{where}: key slices: {name} is a name that the metrics use themselves"
            raise RequestError(what, hint="name the column otherwise in the labels SQL")
        if types.get(name) != "STRING":
            what = f"{where}: key slices: {name} is no STRING column of {job.spec.labels.sql}"
            raise RequestError(what, hint="name a column of the labels SQL, cast to STRING there")
    for name in job.spec.cluster:
        if name not in types:
            what = f"{where}: key cluster: {name} is no column of {job.spec.labels.sql} or of the prediction key"
            raise RequestError(what, hint=f"the columns are: {', '.join(types)}")
    if job.spec.weight and types.get(job.spec.weight) not in ("FLOAT64", "INT64", "NUMERIC"):
        what = f"{where}: key weight: {job.spec.weight} is no number of {job.spec.labels.sql}"
        raise RequestError(what, hint="name a column of the labels SQL of type FLOAT64 or INT64")


def _check_keys(job: Job, family: Asset) -> None:
    """Refuse keys of predictions and labels that the metric family cannot bring together."""
    where, spec, places = job.folder / "job.yaml", MetricSpec.of(job), family.header.identifiers
    if len(spec.within) != ("within" in places):
        what = (
            f"{where}: key example_key: {family.name} takes {_one('within' in places)} of prediction_key that it lacks"
        )
        raise RequestError(what, hint=f"{', '.join(spec.within) or 'none'} is lacking, see docs/metrics.md")
    if len(spec.item) != ("item" in places):
        what = f"{where}: key example_key: {family.name} takes {_one('item' in places)} that prediction_key lacks"
        raise RequestError(what, hint=f"{', '.join(spec.item) or 'none'} is lacking there, see docs/metrics.md")
    for name in spec.item:
        if name not in job.spec.predictions.columns:
            what = f"{where}: key example_key: {name} is no predicted column"
            raise RequestError(what, hint="predict it, or mend the name")
        for column in job.spec.slices:
            if column in job.spec.row_key:
                what = f"{where}: key slices: {column} is part of example_key"
                raise RequestError(what, hint="copy it under another name in the labels SQL")


def _check_judged(job: Job, family: Asset) -> None:
    """Refuse predictions without a column that the metric family looks at; in braces stand those of the keys."""
    looked_at = {name for check in family.header.prediction_checks for name in check.columns if name[0] != "{"}
    for name in sorted(looked_at - set(job.prediction_schema.names)):
        what = f"{job.folder / 'job.yaml'}: key predictions: no column {name}, which {family.name} judges"
        raise RequestError(what, hint="name the predicted column so, see docs/metrics.md")


def _one(wanted: bool) -> str:  # noqa: FBT001 - a word
    return "one column" if wanted else "no column"


def _check_metrics(job: Job, family: Asset) -> None:
    """Refuse parameters that the metric family does not have, and headline metrics that it does not compute."""
    where, spec = job.folder / "job.yaml", MetricSpec.of(job)
    known = [name for name in family.header.parameters if name not in ENGINE_PARAMETERS]
    for name, value in job.spec.metrics.parameters.items():
        if name not in known:
            what = f"{where}: key metrics: {family.name} has no parameter {name}"
            raise RequestError(what, hint=f"the parameters are: {', '.join(known) or 'none'}")
        if value is None or not fits(value, family.header.parameters[name]):
            what = f"{where}: key metrics: {name} must be {family.header.parameters[name]}, not {value!r:.60}"
            raise RequestError(what, hint="mend the value")
        if not _are_counts(value, family.header.parameters[name]):
            what = f"{where}: key metrics: {name} must be at least 1, and a list not empty and without repetitions"
            raise RequestError(what, hint="mend the value")
    metrics = spec.metrics(family)
    for name in job.spec.headline:
        if name not in metrics:
            what = f"{where}: key headline: there is no metric {name!r}"
            raise RequestError(what, hint=f"the metrics are: {', '.join(metrics)}")


def _are_counts(value: Any, declared: DeclaredType) -> bool:
    """Tell whether integers are numbers of something: positions, bins, percents."""
    values = value if isinstance(value, list) else [value]
    if declared not in ("INT64", ["INT64"]):
        return True
    return bool(values) and min(values) >= 1 and len(set(values)) == len(values)


def _check_columns(asset: Asset, known: Sequence[str]) -> None:
    """Refuse a check of a column that its SQL does not make."""
    for check in asset.header.checks:
        unknown = [name for name in check.columns if name not in known]
        if unknown:
            what = f"{asset.path}: key checks: {check.text}: no column {unknown[0]}"
            raise RequestError(what, hint="name a column that the header declares")


def examples_columns(session: Session, job: Job) -> Schema:
    """Return the columns that models get: those of the examples SQL, and the label."""
    examples = session.catalogue.get(job.spec.examples.sql).columns
    return examples + label_columns(session, job).select([LABEL])


def label_columns(session: Session, job: Job) -> Schema:
    """Return the columns of the labels SQL: prediction key, label and slices."""
    return session.catalogue.get(job.spec.labels.sql).columns


def source_tables(session: Session, job: Job) -> dict[str, TableName]:
    """Return the base tables of a job."""
    return {name: session.target.table(name) for name in job.spec.sources}
