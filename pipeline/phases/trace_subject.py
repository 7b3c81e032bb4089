"""What a trace is asked for: from the text that somebody has at hand to nodes of the graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from pipeline.dates import is_date
from pipeline.errors import RequestError
from pipeline.lineage import Node
from pipeline.lineage.judgement import EVALUATION, LABELS, METRIC
from pipeline.phases.trace_predictions import FILE, LOADED, MANIFEST, PUBLISHED
from pipeline.phases.trace_run import EXAMPLES, MODEL, RUN, add_source
from pipeline.phases.tracer import JobTrace, MetricAsked, Tracer
from pipeline.sql_assets import TableName
from pipeline.sql_assets.identifiers import DATASET_PART, PROJECT_PART, TABLE_PART

FORMS = (
    "name a run id, the gs:// address of a model bundle, predictions file or manifest, a model id or evaluation id (16"
    " hex digits), EVALUATION_ID/metric or EVALUATION_ID/metric/slice=value, or a table project.dataset.table, with"
    " @YYYY-MM-DD for published predictions"
)

RUN_ID = re.compile(r"(?P<job>[a-z][a-z0-9_]*)-(?P<date>\d{4}-\d{2}-\d{2})-[0-9a-f]{10}")
ADDRESS = re.compile(r"gs://(?P<place>.+)")
ID = re.compile(r"[0-9a-f]{16}")
METRIC_ROW = re.compile(r"(?P<id>[0-9a-f]{16})/(?P<metric>[^/]+)(/(?P<name>[^=]+)=(?P<value>.*))?", re.DOTALL)
TABLE = re.compile(
    rf"(bq://)?(?P<table>{PROJECT_PART.pattern}\.{DATASET_PART.pattern}\.{TABLE_PART.pattern})(@(?P<date>.*))?"
)
RUN_TABLE = re.compile(
    r"(?P<job>[a-z][a-z0-9_]*?)__(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)__(?P<digest>[0-9a-f]{10}|[0-9a-f]{16})__\w+"
)
PREDICTIONS = re.compile(r"(?P<job>[a-z][a-z0-9_]*)__predictions(?P<version>_v\d+)?")

Found = list[str]


def add_subject(tracer: Tracer, text: str) -> Found:
    """Add what a text names to a tracer's graph, with all that is needed around it, and return the ids of its nodes.

    Raises
    ------
    RequestError
        The text has no form that is known, or nothing of that name is.
    """
    for pattern, follow in FOLLOWED:
        match = pattern.fullmatch(text)
        if match:
            found = list(dict.fromkeys(follow(tracer, match)))
            if found:
                return found
            raise unknown(text, "nothing of this name is known at this target")
    raise unknown(text, "this names nothing that can be traced")


def unknown(text: str, why: str) -> RequestError:
    """Return the error of a text that names nothing."""
    return RequestError(f"{text}: {why}", hint=FORMS)


def _run(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    return [f"{RUN}:{match[0]}"] if _add_run(tracer, match["job"], match["date"], match[0]) else []


def _add_run(tracer: Tracer, job: str, day: str, run_id: str) -> bool:
    """Add a run, and tell whether there is one."""
    if job not in tracer.session.project.job_names() or not is_date(day):
        return False
    traced = tracer.job(job).run(date.fromisoformat(day), run_id)
    if traced:
        tracer.add(traced)
    return traced is not None


def _address(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    uri, base = match[0].rstrip("/"), tracer.session.store.uri("")
    parts = uri.removeprefix(base).split("/")
    find = ARTEFACTS.get(parts[1]) if uri.startswith(base) and len(parts) > 4 else None
    if find is None or not _add_run(tracer, parts[0], parts[2], parts[3]):
        return []
    return [node.id for node in find(tracer.graph.nodes, uri)]


def _bundles(nodes: Iterable[Node], uri: str) -> list[Node]:
    """Return the models of which an address names the bundle, a file in it, or the marker that commits it."""
    models = [node for node in nodes if node.kind == MODEL]
    return [node for node in models if f"{uri}/".startswith(f"{node.name}/") or uri == f"{_folder(node.name)}.json"]


def _predictions(nodes: Iterable[Node], uri: str) -> list[Node]:
    """Return what an address names: a file or manifest; the manifest for its folder, or where it is gone itself."""
    known = [node for node in nodes if node.kind in (FILE, MANIFEST)]
    exact = [node for node in known if node.name == uri]
    near = [node for node in known if node.kind == MANIFEST and _folder(node.name) in (uri, _folder(uri))]
    return exact or [node for node in near if node.state or _folder(node.name) == uri]


def _folder(uri: str) -> str:
    return uri.rpartition("/")[0]


ARTEFACTS = {"models": _bundles, "predictions": _predictions}
"""How the artefacts in a folder of the bucket are found by their addresses."""


def _id(tracer: Tracer, match: re.Match[str]) -> Iterator[str]:
    yield from _model(tracer, match[0])
    yield from _evaluation(tracer, match[0])


def _model(tracer: Tracer, model_id: str) -> list[str]:
    """Add every run that made a model or predicted with it, of all jobs."""
    for each in tracer.jobs():
        used = [row for row in each.history.events if row["phase"] == "predict" and row["event"] == "done"]
        rows = [row for row in (*each.history.models, *used) if row["model_id"] == model_id]
        for run_date, run_id in dict.fromkeys((row["run_date"], row["run_id"]) for row in rows):
            _add_run(tracer, each.job.name, str(run_date), run_id)
    return [node.id for node in tracer.graph.nodes if node.kind == MODEL and node.facts["model_id"] == model_id]


def _evaluation(tracer: Tracer, evaluation_id: str) -> list[str]:
    """Add an evaluation, and return it with its overall metrics."""
    for each in tracer.jobs():
        for row in each.history.evaluations:
            if row["evaluation_id"] == evaluation_id:
                _add_run(tracer, each.job.name, str(row["run_date"]), row["details"]["run_id"])
    node_id = f"{EVALUATION}:{evaluation_id}"
    if node_id not in tracer.graph:
        return []
    return [node_id, *(edge.target for edge in tracer.graph.targets(node_id) if edge.target.startswith(f"{METRIC}:"))]


def _metric(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    tracer.asked = MetricAsked(match["metric"], match["name"] or "", match["value"] or "")
    rows, wanted = _evaluation(tracer, match["id"]), f"{METRIC}:{match[0]} "
    if rows and not any(name.startswith(wanted) for name in rows):
        raise unknown(match[0], f"evaluation {match['id']} has no such metric or slice")
    return [name for name in rows if name.startswith(wanted)]


def _table(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    table, text = TableName.parse(match["table"]), match["date"]
    if text is not None and not is_date(text):
        raise unknown(match[0], f"{text!r} is not a date YYYY-MM-DD")
    day, target = date.fromisoformat(text) if text else None, tracer.session.target
    run_table, predictions = RUN_TABLE.fullmatch(table.name), PREDICTIONS.fullmatch(table.name)
    if run_table and table == target.run_table(table.name):
        return _run_table(tracer, table, run_table)
    if table != target.table(table.name):
        return []
    if predictions and predictions["job"] in tracer.session.project.job_names():
        return _published(tracer, table, predictions, day)
    return _source(tracer, table, day)


def _run_table(tracer: Tracer, table: TableName, match: re.Match[str]) -> Iterable[str]:
    if match["job"] not in tracer.session.project.job_names():
        return []
    run_date = f"{match['year']}-{match['month']}-{match['day']}"
    run_ids = [f"{match['job']}-{run_date}-{match['digest']}"]
    if len(match["digest"]) == 16:
        judged = (row["details"] for row in tracer.job(match["job"]).history.evaluations)
        run_ids = [each["run_id"] for each in judged if each.get("labels_table") == str(table)]
    for run_id in run_ids:
        _add_run(tracer, match["job"], run_date, run_id)
    return [node_id for kind in (EXAMPLES, LOADED, LABELS) if (node_id := f"{kind}:{table}") in tracer.graph]


def _published(tracer: Tracer, table: TableName, match: re.Match[str], day: date | None) -> Iterable[str]:
    if day is None:
        what = f"{table}: holds the predictions of all run dates, and the run date is missing"
        raise RequestError(what, hint=f"name one of them: {table}@YYYY-MM-DD")
    each = tracer.job(match["job"])
    for traced in each.runs(day):
        tracer.add(traced)
    is_view = match["version"] is None
    begins = f"{table}_v" if is_view else f"{table}@{day}/"
    slices = [node for node in tracer.graph.nodes if node.kind == PUBLISHED and node.name.startswith(begins)]
    seen = [node for node in slices if not node.state and (not is_view or node.facts["role"] == "champion")]
    if not seen:
        raise unknown(f"{table}@{day}", "nothing is published there of this run date")
    return [node.id for node in seen]


def _source(tracer: Tracer, table: TableName, day: date | None) -> Iterable[str]:
    """Add every run that read a source; without a run date each by what claim and ledger say of it."""
    known = False
    for each in tracer.jobs():
        known |= table.name in each.job.spec.sources
        for run_date in [day] if day else _run_dates(each):
            for traced in each.runs(run_date, deep=day is not None):
                if table.name in traced.sources:
                    tracer.add(traced)
                    known = True
    return [add_source(tracer.graph, tracer.session, table.name)] if known else []


def _run_dates(each: JobTrace) -> list[date]:
    return sorted({*each.claimed_dates, *(row["run_date"] for row in each.history.events)})


FOLLOWED: list[tuple[re.Pattern[str], Callable[[Tracer, re.Match[str]], Iterable[str]]]] = [
    (RUN_ID, _run),
    (ADDRESS, _address),
    (ID, _id),
    (METRIC_ROW, _metric),
    (TABLE, _table),
]
