"""The report: headline metrics by run date, of variants and baselines, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.evaluation.labels import make_labels
from pipeline.evaluation.metric_statements import metrics_statement, report_statement
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.job_statements import QueryScope, label_columns
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.publication_statements import published_span_statement
from pipeline.runs.publications import publications, versions_of
from pipeline.runs.session import Session

POOLED = "all pooled"
"""Run date in the row of all days taken as one set."""

Row = dict[str, Any]


def report_job(session: Session, job: Job, first: date, last: date) -> list[Table | str]:
    """Return a table of each headline metric by run date, followed by the places to look next."""
    rows = session.warehouse.rows(report_statement(session, job, first, last))
    if not rows:
        return [f"{job.name}: nothing evaluated from {first} to {last}"]
    left_out: list[str] = []
    # Rows without a date, such as lists of items for a user, cannot be pooled over days.
    if any(column.type == "DATE" for column in label_columns(session, job).select(job.spec.row_key).columns):
        days = sorted({row["run_date"] for row in rows})
        own, left_out = _by_version(session, job, days)
        pooled = pooled_metrics(session, job, own) if own else []
        rows = [*rows, *(row | {"run_date": POOLED} for row in pooled if not row["slice_name"])]
    judges = session.catalogue.get(MetricSpec.of(job).asset).header.judges
    tables = [
        metric_table(job, [row for row in rows if row["metric"] == name], name, judges) for name in job.spec.headline
    ]
    return [*tables, *left_out, next_steps(session, job)]


def _by_version(session: Session, job: Job, days: Sequence[date]) -> tuple[list[date], list[str]]:
    """Return the run dates in the table of the present version of predictions, and a line about the others."""
    events = Ledger(session, job.name).events(days[0], days[-1])
    versions, published = versions_of(job, events), publications(events)
    by_day = {day: versions[published[day][0]] for day in days if day in published}
    own = [day for day in days if by_day.get(day, job.spec.predictions.version) == job.spec.predictions.version]
    others = sorted(
        {str(session.target.table(job.of_version(by_day[day]).predictions_table)) for day in days if day not in own}
    )
    if not others:
        return own, []
    table, number = session.target.table(job.predictions_table), f"{len(own)} of {len(days)} run dates"
    return own, [f"{POOLED}: {number}, those in {table}; predictions of the others are in {', '.join(others)}"]


def pooled_metrics(session: Session, job: Job, run_dates: Sequence[date]) -> list[Row]:
    """Return the metrics of each variant for run dates taken as one set; they are not recorded.

    The labels are those known `delay_days` after the last run date.
    """
    first, last = min(run_dates), max(run_dates)
    moment = job.as_of(last + timedelta(days=job.spec.labels.delay_days))
    labels = make_labels(session, job, QueryScope(last, first, last, moment), "pooled")
    labels.refuse_failed(session)
    events = Ledger(session, job.name).events(first, last)
    spec = MetricSpec.of(job)
    predictions = session.target.table(job.predictions_table)
    runs = {day: run_id for day, (run_id, _) in publications(events).items() if day in set(run_dates)}
    pooled = published_span_statement(session, predictions, spec.columns, runs)
    return session.warehouse.rows(metrics_statement(session, pooled, labels.table, spec))


def metric_table(job: Job, rows: Sequence[Row], metric: str, judges: str = "row") -> Table:
    """Return a table of one metric: all run dates pooled, a row for each one, a column for each variant, means below.

    A number over some of the run dates only says over how many: variants with other run dates are not comparable.

    Parameters
    ----------
    judges
        What n of the metric counts, in the singular.
    """
    names = {variant.id: variant.name for variant in job.variants}
    variants = [variant for variant in names if any(row["variant"] == variant for row in rows)]
    days = [row for row in rows if row["run_date"] != POOLED]
    table = Table(box=SIMPLE_HEAD, title=f"{job.name}: {metric} by run date", title_justify="left", show_footer=True)
    table.add_column("run date", footer="mean of days")
    table.add_column("labels" if judges == "row" else f"{judges}s", justify="right")
    dates = sorted({row["run_date"] for row in days})
    shares = {variant: _share(days, variant, len(dates)) for variant in variants}
    for variant in variants:
        kind = "baseline" if names[variant] in job.spec.baselines else "variant"
        table.add_column(
            f"{kind}\n{names[variant]}", footer=_mean(days, variant) + shares[variant], justify="right", no_wrap=True
        )
    pooled = [POOLED] if len(days) < len(rows) else []
    for day in [*pooled, *dates]:
        by_variant = {row["variant"]: row for row in rows if row["run_date"] == day}
        count = max((row["n"] for row in by_variant.values()), default=0)
        values = {variant: _value(by_variant.get(variant)) for variant in variants}
        if day == POOLED:
            values = {variant: value + shares[variant] if value != "-" else value for variant, value in values.items()}
        table.add_row(str(day), f"{count:,}", *values.values(), end_section=day == POOLED)
    return table


def next_steps(session: Session, job: Job) -> str:
    """Return the places to look next: views, tables, files."""
    target = session.target
    view, metrics = target.table(job.predictions_view), target.table("metrics")
    lines = [
        "Where to look next",
        f"  predictions that consumers read  {view}",
        f"  metrics, latest evaluations      {metrics}",
        f"  events of all runs               {target.ledger_table('events')}",
        f"  models and predictions           {session.store.uri(job.name)}/",
        f"  the job                          {job.folder.relative_to(session.project.root)}/",
    ]
    if target.endpoints:
        lines.append(f"  SQL over REST                    {target.endpoints.bigquery} (see README.md)")
    return "\n".join(lines)


def _value(row: Row | None) -> str:
    return "-" if row is None or row["value"] is None else f"{row['value']:.4f}"


def _share(rows: Sequence[Row], variant: str, dates: int) -> str:
    """Return how many of the run dates a variant has a value of, or an empty text if it has all."""
    own = len({row["run_date"] for row in rows if row["variant"] == variant and row["value"] is not None})
    return f" ({own} of {dates} days)" if 0 < own < dates else ""


def _mean(rows: Sequence[Row], variant: str) -> str:
    values = [row["value"] for row in rows if row["variant"] == variant and row["value"] is not None]
    return f"{fmean(values):.4f}" if values else "-"
