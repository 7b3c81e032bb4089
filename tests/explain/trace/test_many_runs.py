"""Rows read and time taken by traces of jobs that have run for years."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from time import process_time
from types import SimpleNamespace

import pytest

from pipeline.explain.trace.trace import trace_of
from pipeline.runs.session import Session
from tests.support.dummy_project import offline_target

FIRST = date(2013, 1, 1)
VARIANTS = ("logistic_regression@00000000", "constant_rate@00000000")
NUMBERS = dict.fromkeys(("n", "needed_n", "low", "high"))
SQL = {"sql_version": "metrics/binary_classification_v1", "sql_digest": "d"}
MOMENT = datetime.fromisoformat("2013-01-01T00:00:00+00:00")


def run_id_of(day):
    return f"flight_delay-{day}-0123456789"


def model_of(variant, day):
    return f"{variant[0]}{day:%Y%m%d}".ljust(16, "0")


def event(day, phase, name, variant="", **details):
    run_id = f"flight_delay-{day}" if phase == "evaluate" else run_id_of(day)
    key = {"event_id": f"{run_id}/{phase}/{name}/{day:%Y%m%d}00000000", "run_date": day, "run_id": run_id}
    model = {"variant": variant, "model_id": model_of(variant, day) if variant else None}
    content = {"phase": phase, "event": name, "row_count": 5, "recorded_at": MOMENT, "details": json.dumps(details)}
    return key | model | content | SQL


def events_of(day):
    yield event(day, "preprocess", "done")
    for variant in VARIANTS:
        yield event(day, "predict", "done", variant)
        yield event(day, "load", "published", variant, generation=1)
    labels = {"row_count": 5, "known": 5, "checksum": 7}
    details = {
        "labels": labels,
        "labels_table": "pipeline-local.runs.labels",
        "labels_sql": {"name": "a/b_v1", "digest": "d"},
    }
    details |= {"labels_parameters": {}, "jobs": [], "commit": None}
    yield event(day, "evaluate", "evaluated", run_id=run_id_of(day), as_of="2013", **details)


def model(day, variant):
    named = {"run_date": day, "run_id": run_id_of(day), "variant": variant, "model_id": model_of(variant, day)}
    text = dict.fromkeys(("bundle_digest", "data_checksum", "code_digest"), "d")
    return named | text | {"uri": f"gs://b/{day}/{variant}", "training_rows": 3}


def comparison(day):
    who = {"champion": VARIANTS[0], "challenger": VARIANTS[1], "metric": "auc", "difference": 0.1}
    return {"run_date": day, "evaluation_id": f"{day:%Y%m%d}00000000", **who, **SQL}


def verdict(day, name="too-few-labels", difference=None):
    who = {"champion": VARIANTS[0], "challenger": VARIANTS[1], "verdict": name, "reason": "r"}
    return {"run_date": day, "difference": difference, **who, **NUMBERS}


class Ledger:
    """A warehouse with one run a day that answers a trace and records the rows that it read."""

    def __init__(self, days):
        self.tables = SimpleNamespace(exists=lambda _: True, row_count=lambda _: 1)
        self.read = []
        self.kept = {
            "ledger/events_of_v1": [row for day in days for row in events_of(day)],
            "models": [model(day, variant) for day in days for variant in VARIANTS],
            "comparisons_v1": [comparison(day) for day in days],
            "verdicts_v1": [*map(verdict, days[:-1]), verdict(days[-1], "keep", 0.1)],
        }

    def rows(self, statement):
        name = statement.assets[0].name
        if name == "dashboard/rows_v1":
            name = next(table.name for _, place, table in statement.tables if place == "view")
        rows = [row for row in self.kept.get(name, []) if self._asked(row, statement.values)]
        self.read += [(name, row["run_date"]) for row in rows]
        return rows

    @staticmethod
    def _asked(row, values):
        return values["first_date"] <= row["run_date"] <= values["last_date"]


class Claims:
    """A bucket with only the claim of each run, which counts how often it is listed."""

    def __init__(self, days, defines):
        self.base, self.listed = "gs://b/flight_delay/attempts/", 0
        claim = {"generation": 1, "definition": "d", "defines": defines, "champion": None}
        self.claims = {
            f"{self.base}{day}/generations/000001.json": claim
            | {"run_id": run_id_of(day), "snapshot_at": MOMENT.isoformat()}
            for day in days
        }

    @staticmethod
    def uri(*parts):
        return "/".join(("gs://b", *parts))

    def folders(self, prefix):
        self.listed += 1
        rest = (uri.removeprefix(prefix) for uri in self.claims if uri.startswith(prefix))
        return sorted({name.partition("/")[0] for name in rest})

    def list(self, prefix):
        self.listed += 1
        return [SimpleNamespace(uri=uri) for uri in sorted(self.claims) if uri.startswith(prefix)]

    def read_json(self, uri):
        return self.claims.get(uri)


@pytest.fixture(scope="module")
def years(project, job):
    """Sessions with one run a day."""
    steps = {"parameters": {}, "history_days": 3}
    defines = {"sql": {}, "labels": steps, "examples": steps, "code": {"v": "c"}, "shards": 2, "prediction_version": 1}
    defines |= {"sources": list(job.spec.sources), "variants": list(VARIANTS)}

    def make(runs):
        days = [FIRST + timedelta(days=number) for number in range(runs)]
        session = Session.open(project, offline_target())
        session.__dict__.update(warehouse=Ledger(days), store=Claims(days, defines))
        return session

    return make


def seconds_of(session, source):
    before = process_time()
    trace = trace_of(session, str(session.target.table(source)))
    assert len([node for node in trace.graph.nodes if node.kind == "run"]) == len(session.store.claims)
    return process_time() - before


def test_time_of_a_source_grows_linearly_with_runs(years):
    seconds = [min(seconds_of(years(runs), "weather") for _ in range(2)) for runs in (200, 800)]
    assert seconds[1] / seconds[0] < 8  # quadratic: reading all events for each run takes 16 times as long


def test_source_is_traced_with_one_listing_of_all_claims(years):
    session = years(50)
    seconds_of(session, "weather")
    assert session.store.listed <= 2 * len(session.project.job_names())


def test_run_reads_only_its_run_date_and_later_verdicts(years):
    session, day = years(60), FIRST + timedelta(days=30)
    trace = trace_of(session, run_id_of(day))
    assert trace.starts == [f"run:{run_id_of(day)}"]
    kinds = {node.kind for node in trace.graph.nodes}
    assert kinds >= {"examples", "model", "manifest", "published predictions", "comparison"}
    verdicts = [node.name.split()[1:3] for node in trace.graph.nodes if node.kind == "verdict"]
    assert verdicts == [[str(day), "too-few-labels"], [str(FIRST + timedelta(days=59)), "keep"]]  # closes the window
    read = session.warehouse.read
    assert {run_date for name, run_date in read if name != "verdicts_v1"} == {day}
    assert min(run_date for name, run_date in read if name == "verdicts_v1") == day
    assert session.store.listed < 20
