"""What a trace can be asked for, and the error of what it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from pipeline.base.dates import is_date
from pipeline.errors import RequestError
from pipeline.explain.trace.evaluations import LABELS
from pipeline.explain.trace.models import ID_MAPS, IDS, LOADED_IDS, id_map_prefix
from pipeline.explain.trace.predictions import LOADED, PUBLISHED
from pipeline.explain.trace.runs import EXAMPLES, JobTrace, add_source
from pipeline.explain.trace.tracer import Tracer
from pipeline.sql import TableName
from pipeline.sql.identifiers import DATASET_PART, PROJECT_PART, TABLE_PART

FORMS = (
    "name a run id, the gs:// address of a model bundle, predictions file or manifest, a model id or evaluation id (16"
    " hex digits), EVALUATION_ID/metric or EVALUATION_ID/metric/slice=value, or a table project.dataset.table, with"
    " @YYYY-MM-DD for published predictions and id_maps_v1"
)


def unknown(text: str, why: str) -> RequestError:
    """Return the error of a text that names nothing."""
    return RequestError(f"{text}: {why}", hint=FORMS)


TABLE = re.compile(
    rf"(bq://)?(?P<table>{PROJECT_PART.pattern}\.{DATASET_PART.pattern}\.{TABLE_PART.pattern})(@(?P<date>.*))?"
)


RUN_TABLE = re.compile(
    r"(?P<job>[a-z][a-z0-9_]*?)__(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)__(?P<digest>[0-9a-f]{10}|[0-9a-f]{16})__\w+"
)


RUN_TABLES = (EXAMPLES, LOADED, LABELS, LOADED_IDS)
"""Kinds of the nodes that are tables of a run."""


PREDICTIONS = re.compile(r"(?P<job>[a-z][a-z0-9_]*)__predictions(?P<version>_v\d+)?")


def found_table(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    """Add what a table holds, by a match of `TABLE`, and return the ids of its nodes; none where it is not known."""
    table, text = TableName.parse(match["table"]), match["date"]
    if text is not None and not is_date(text):
        raise unknown(match[0], f"{text!r} is not a date YYYY-MM-DD")
    day, target = date.fromisoformat(text) if text else None, tracer.session.target
    run_table, predictions = RUN_TABLE.fullmatch(table.name), PREDICTIONS.fullmatch(table.name)
    if run_table and table == target.run_table(table.name):
        return _run_table(tracer, table, run_table)
    if table != target.table(table.name):
        return []
    if table == target.table(ID_MAPS):
        return _id_maps(tracer, table, day)
    if predictions and predictions["job"] in tracer.session.project.job_names():
        return _published(tracer, table, predictions, day)
    return _source(tracer, table, day)


def _run_table(tracer: Tracer, table: TableName, match: re.Match[str]) -> Iterable[str]:
    if match["job"] not in tracer.session.project.job_names():
        return []
    text = f"{match['year']}-{match['month']}-{match['day']}"
    run_ids = [f"{match['job']}-{text}-{match['digest']}"]
    if len(match["digest"]) == 16 and is_date(text):
        run_ids = _judged(tracer.job(match["job"]), date.fromisoformat(text), str(table))
    for run_id in run_ids:
        tracer.add_named(run_id)
    return [node_id for kind in RUN_TABLES if (node_id := f"{kind}:{table}") in tracer.graph]


def _judged(each: JobTrace, run_date: date, labels: str) -> list[str]:
    """Return the runs of a run date that were evaluated by a table of labels."""
    rows = each.history(run_date, run_date).evaluations
    return [row["judged"] for row in rows if row["judged"] and row["details"].get("labels_table") == labels]


def _published(tracer: Tracer, table: TableName, match: re.Match[str], day: date | None) -> Iterable[str]:
    day, each = _named_date(table, "predictions", day), tracer.job(match["job"])
    for traced in each.runs(day):
        tracer.add(traced)
    is_view = match["version"] is None
    begins = f"{table}_v" if is_view else f"{table}@{day}/"
    slices = [node for node in tracer.graph.nodes if node.kind == PUBLISHED and node.name.startswith(begins)]
    seen = [node for node in slices if not node.state and (not is_view or node.facts["role"] == "champion")]
    if not seen:
        raise unknown(f"{table}@{day}", "nothing is published there of this run date")
    return [node.id for node in seen]


def _id_maps(tracer: Tracer, table: TableName, day: date | None) -> Iterable[str]:
    day = _named_date(table, "id<->index tables", day)
    for each in tracer.jobs():
        for traced in each.runs(day):
            tracer.add(traced)
    begins = id_map_prefix(table, day)
    found = [node.id for node in tracer.graph.nodes if node.kind == IDS and node.name.startswith(begins)]
    if not found:
        raise unknown(f"{table}@{day}", "no model of this run date has id<->index tables")
    return found


def _named_date(table: TableName, what: str, day: date | None) -> date:
    if day is None:
        said = f"{table}: holds the {what} of all run dates, and the run date is missing"
        raise RequestError(said, hint=f"name one of them: {table}@YYYY-MM-DD")
    return day


def _source(tracer: Tracer, table: TableName, day: date | None) -> Iterable[str]:
    """Add every run that read a source; without a run date each by what claim and ledger say of it."""
    known = False
    for each in tracer.jobs():
        known |= table.name in each.job.spec.sources
        for run_date in [day] if day else each.run_dates:
            for traced in each.runs(run_date, deep=day is not None):
                if table.name in traced.sources:
                    tracer.add(traced)
                    known = True
    return [add_source(tracer.graph, tracer.session, table.name)] if known else []
