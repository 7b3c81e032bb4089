"""From the name of a table to the nodes of a trace, and the error for a text that names nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from pipeline.base.dates import is_date
from pipeline.errors import RequestError
from pipeline.explain.trace.evaluation_nodes import LABELS
from pipeline.explain.trace.model_nodes import ID_MAPS, IDS, LOADED_IDS
from pipeline.explain.trace.prediction_nodes import LOADED, PUBLISHED
from pipeline.explain.trace.run_nodes import EXAMPLES, add_source
from pipeline.explain.trace.tracer import Tracer
from pipeline.sql import TableName
from pipeline.sql.identifiers import DATASET_PART, PROJECT_PART, TABLE_PART

HINT = (
    "name a run id, the gs:// address of a model bundle, predictions file or manifest, a model id or evaluation id (16"
    " hex digits), EVALUATION_ID/metric or EVALUATION_ID/metric/slice=value, or a table project.dataset.table, with"
    " @YYYY-MM-DD for published predictions and id_maps_v1"
)
TABLE = re.compile(
    rf"(bq://)?(?P<table>{PROJECT_PART.pattern}\.{DATASET_PART.pattern}\.{TABLE_PART.pattern})(@(?P<date>.*))?"
)
RUN_TABLE = re.compile(
    r"(?P<job>[a-z][a-z0-9_]*?)__(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)__(?P<digest>[0-9a-f]{10}|[0-9a-f]{16})__\w+"
)
RUN_TABLES = (EXAMPLES, LOADED, LABELS, LOADED_IDS)
"""Kinds of the nodes that are tables of a run."""

PREDICTIONS = re.compile(r"(?P<job>[a-z][a-z0-9_]*)__predictions(?P<version>_v\d+)?")


def unknown(text: str, why: str) -> RequestError:
    """Return the error for a text that names nothing; its hint lists the forms."""
    return RequestError(f"{text}: {why}", hint=HINT)


def add_table(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    """Add what a table holds, and return the ids of its nodes; none for an unknown table.

    Parameters
    ----------
    match
        A match of `TABLE`.

    Raises
    ------
    RequestError
        The text after `@` is not a date, or the table needs a run date and has none.
    """
    table, text = TableName.parse(match["table"]), match["date"]
    if text is not None and not is_date(text):
        raise unknown(match[0], f"{text!r} is not a date YYYY-MM-DD")
    day, target = date.fromisoformat(text) if text else None, tracer.session.target
    run_table, predictions = RUN_TABLE.fullmatch(table.name), PREDICTIONS.fullmatch(table.name)
    if run_table and table == target.run_table(table.name):
        return _add_run_table(tracer, table, run_table)
    if table != target.table(table.name):
        return []
    if table == target.table(ID_MAPS):
        return _add_id_maps(tracer, table, day)
    if predictions and predictions["job"] in tracer.session.project.job_names():
        return _add_published(tracer, table, predictions, day)
    return _add_source(tracer, table, day)


def _add_run_table(tracer: Tracer, table: TableName, match: re.Match[str]) -> Iterable[str]:
    if match["job"] not in tracer.session.project.job_names():
        return []
    text = f"{match['year']}-{match['month']}-{match['day']}"
    run_ids = [f"{match['job']}-{text}-{match['digest']}"]
    if len(match["digest"]) == 16 and is_date(text):  # a table of labels belongs to a run date
        run_date = date.fromisoformat(text)
        evaluations = tracer.job(match["job"]).history(run_date, run_date).evaluations
        run_ids = [row["evaluated_run"] for row in evaluations if row["details"]["labels_table"] == str(table)]
    for run_id in run_ids:
        tracer.add_named(run_id)
    return [node_id for kind in RUN_TABLES if (node_id := f"{kind}:{table}") in tracer.graph]


def _add_published(tracer: Tracer, table: TableName, match: re.Match[str], day: date | None) -> Iterable[str]:
    day = _required(day, table, "predictions")
    for traced in tracer.job(match["job"]).runs(day):
        tracer.add(traced)
    is_view = match["version"] is None
    prefix = f"{table}_v" if is_view else f"{table}@{day}/"
    slices = [node for node in tracer.graph.of_kind(PUBLISHED) if node.name.startswith(prefix) and not node.state]
    ids = [node.id for node in slices if not is_view or node.facts["role"] == "champion"]
    if not ids:
        raise unknown(f"{table}@{day}", "no predictions of this run date are published there")
    return ids


def _add_id_maps(tracer: Tracer, table: TableName, day: date | None) -> Iterable[str]:
    day = _required(day, table, "id<->index tables")
    for job in tracer.jobs():
        for traced in job.runs(day):
            tracer.add(traced)
    ids = [node.id for node in tracer.graph.of_kind(IDS) if node.name.startswith(f"{table}@{day}/")]
    if not ids:
        raise unknown(f"{table}@{day}", "no model of this run date has id<->index tables")
    return ids


def _required(day: date | None, table: TableName, rows: str) -> date:
    if day is None:
        message = f"{table}: holds the {rows} of all run dates, and the run date is missing"
        raise RequestError(message, hint=f"name one of them: {table}@YYYY-MM-DD")
    return day


def _add_source(tracer: Tracer, table: TableName, day: date | None) -> Iterable[str]:
    """Add every run that read a source; without a run date only what claims and ledger say of each run."""
    is_source = False
    for job in tracer.jobs():
        is_source |= table.name in job.job.spec.sources
        for run_date in [day] if day else job.run_dates:
            for traced in job.runs(run_date, deep=day is not None):
                if table.name in traced.sources:
                    tracer.add(traced)
                    is_source = True
    return [add_source(tracer.graph, tracer.session, table.name)] if is_source else []
