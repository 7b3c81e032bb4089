"""Traces of runs on the emulators: every form of a name, back and forward."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest

from pipeline.errors import RequestError
from pipeline.explain.trace.statements import model_runs_statement
from pipeline.explain.trace.trace import trace_of
from pipeline.explain.trace.trace_text import trace_text
from pipeline.models.bundle import BundleInfo, sealed
from pipeline.phases.run import evaluate_matured, run_job, run_phase
from pipeline.runs.layout import Folder
from pipeline.runs.opening import join_run
from pipeline.runs.tables import ensure_tables
from tests.support.integration_fixtures import edited, quick, reader, with_history_days

DAY, BORROWED, AGAIN, PART = (date(2013, 7, day) for day in (1, 3, 4, 6))
VOID = date(2013, 9, 1)
SOURCES = "airports flight_outcomes flights_schedule planes weather".split()
MADE = ["source", "run", "examples", "model", "predictions file", "manifest", "loaded predictions"]
JUDGED = ["published predictions", "labels", "evaluation", "metric", "comparison", "verdict", "champion"]


@pytest.fixture(scope="module")
def three(job):
    """The job with a champion, a challenger and a baseline."""
    return quick(job, variants=("logistic_regression", "carrier_hour_rate"))


@pytest.fixture(scope="module")
def late(quick_job):
    """The job with two variants, and labels that never mature."""
    return edited(quick_job, labels=quick_job.spec.labels.model_copy(update={"delay_days": 300}))


@pytest.fixture(scope="module")
def done(session, three):
    """A run that is published and evaluated."""
    summary = run_job(session, three, DAY)
    evaluate_matured(session, three, DAY + timedelta(days=2))
    return summary


@pytest.fixture(scope="module")
def evaluation_id(session, done):
    rows = reader(session)("SELECT DISTINCT evaluation_id FROM ml.metrics_v1")
    return rows[0]["evaluation_id"]


@pytest.fixture(scope="module")
def model(done):
    """The champion's model, as the summary names it."""
    return next(model for model in done.models if model["variant"].startswith("logistic_regression@"))


def of(trace, kind):
    return [node for node in trace.graph.nodes if node.kind == kind]


def named(trace, kind):
    return [node.name for node in of(trace, kind)]


def before(trace):
    return {trace.graph[name].kind for name in trace.graph.ancestors(trace.starts)}


def after(trace):
    return {trace.graph[name].kind for name in trace.graph.descendants(trace.starts)}


def table(session, name):
    return str(session.target.table(name))


def test_run_leads_back_to_sources_and_forward_to_champion(session, done, model):
    trace = trace_of(session, done.run_id)
    assert trace.starts == [f"run:{done.run_id}"]
    assert named(trace, "source") == [table(session, name) for name in SOURCES]
    assert all(edge.summary.startswith("read at 20") for edge in trace.graph.sources(trace.starts[0]))
    # its labels are read from the sources, not from what the run made
    assert after(trace) == {*MADE, *JUDGED, "drift"} - {"source", "run", "labels", "evaluation"}
    assert (len(of(trace, "model")), len(of(trace, "predictions file"))) == (3, 6)
    assert [node.state for node in trace.graph.nodes] == [""] * len(trace.graph.nodes)
    (run,), (examples,) = of(trace, "run"), of(trace, "examples")
    assert list(run.facts["sql"]) == [
        "flight_delay/evaluate/labels@v1",
        "flight_delay/preprocess/examples@v1",
        "phases/examples@v1",
    ]
    assert run.facts["parameters"] == {"late_minutes": 15, "prior_flights": 20.0}
    assert (examples.facts["rows"], examples.facts["commit"]) == (done.rows["preprocess"], session.commit)
    assert re.fullmatch(rf"{done.run_id}-examples-[0-9a-f]{{16}}-a1", examples.facts["bigquery_jobs"][0])
    assert model["model_id"] in [node.facts["model_id"] for node in of(trace, "model")]
    assert sum(node.facts["rows"] for node in of(trace, "predictions file")) == done.rows["predict"]


@pytest.mark.parametrize("form", ["model_id", "uri"])
def test_model_leads_only_to_its_own_predictions(session, done, model, form):
    trace = trace_of(session, model[form])
    assert trace.starts == [f"model:{model['uri']}"]
    assert before(trace) == {"source", "run", "examples"}
    assert {"predictions file", "manifest", "published predictions", "metric", "champion"} <= after(trace)
    assert all(name.endswith(model["variant"]) for name in named(trace, "metric"))
    assert trace.graph[trace.starts[0]].facts["training_rows"] == done.rows["train"]


def test_replaced_bundle_has_a_state_and_adds_no_facts(session, done, model):
    uri = f"{model['uri']}/bundle.json"
    committed = session.store.read_bytes(uri)
    other = sealed(json.loads(committed) | {"commit": "another", "model": "other:Model"})
    session.store.replace_text(json.dumps(other), uri, "application/json")
    node = trace_of(session, model["model_id"]).graph[f"model:{model['uri']}"]
    assert node.state == "another bundle is in its place"
    assert {"class", "commit", "model_sha256"}.isdisjoint(node.facts)
    assert node.facts["bundle_digest"] == BundleInfo(json.loads(committed)).digest
    session.store.replace_text(json.dumps(json.loads(committed), indent=1), uri, "application/json")
    node = trace_of(session, model["model_id"]).graph[f"model:{model['uri']}"]
    assert (node.state, node.facts["commit"]) == ("", session.commit or "")  # however it is written


@pytest.mark.parametrize("ending", ["/", "/bundle.json", "marker"])
def test_bundle_is_found_by_its_files_and_by_its_marker(session, model, ending):
    uri = f"{model['uri'].rpartition('/')[0]}.json" if ending == "marker" else model["uri"] + ending
    assert trace_of(session, uri).starts == [f"model:{model['uri']}"]


def test_predictions_file_has_checksums_and_one_model(session, done):
    uri = done.uris["predictions"][0]
    trace = trace_of(session, uri)
    assert trace.starts == [f"predictions file:{uri}"]
    assert before(trace) == {"source", "run", "examples", "model"}
    assert (len(of(trace, "model")), len(of(trace, "published predictions"))) == (1, 1)
    facts = trace.graph[trace.starts[0]].facts
    assert re.fullmatch(r"[0-9a-f]{64}", facts["sha256"])
    assert facts["crc32c"].endswith("==")


@pytest.mark.parametrize("ending", ["/manifest.json", ""])
def test_manifest_is_made_from_all_its_files(session, done, ending):
    uri = done.uris["predictions"][0].rpartition("/")[0]
    trace = trace_of(session, uri + ending)
    assert trace.starts == [f"manifest:{uri}/manifest.json"]
    assert len(trace.graph.sources(trace.starts[0])) == 2


def test_run_tables_are_traced(session, done):
    whole = trace_of(session, done.run_id)
    (loaded, *_), (examples,) = named(whole, "loaded predictions"), named(whole, "examples")
    assert trace_of(session, examples).starts == [f"examples:{examples}"]
    assert after(trace_of(session, f"bq://{examples}")) == after(whole) - {"examples"}
    trace = trace_of(session, f"bq://{loaded}")
    assert trace.starts == [f"loaded predictions:{loaded}"]
    assert len(of(trace, "model")) == 1


def test_labels_come_from_the_sources_that_their_sql_reads(session, done, evaluation_id):
    (labels,) = named(trace_of(session, evaluation_id), "labels")
    trace = trace_of(session, labels)
    assert trace.starts == [f"labels:{labels}"]
    assert {name.rpartition(".")[2] for name in named(trace, "source")} < set(SOURCES)
    assert after(trace) == {"evaluation", "metric", "comparison", "verdict"}
    assert list(of(trace, "labels")[0].facts["sql"]) == ["flight_delay/evaluate/labels@v1"]


def test_evaluation_includes_its_overall_metrics(session, done, evaluation_id):
    trace = trace_of(session, evaluation_id)
    assert trace.starts[0] == f"evaluation:{evaluation_id}"
    assert len(trace.starts) == 1 + len(of(trace, "metric"))
    assert before(trace) >= {*MADE, "published predictions", "labels"}
    (evaluation,) = of(trace, "evaluation")
    assert evaluation.facts["metrics"] == metric_rows(session, evaluation_id)
    assert len(evaluation.facts["bigquery_jobs"]) > 2
    assert evaluation.facts["commit"] == session.commit


def metric_rows(session, evaluation_id):
    sql = f"SELECT COUNT(*) AS n FROM ml.metrics_v1 WHERE evaluation_id = '{evaluation_id}'"
    return reader(session)(sql)[0]["n"]


def test_metric_has_a_row_for_each_variant(session, done, evaluation_id):
    trace = trace_of(session, f"{evaluation_id}/auc")
    assert len(trace.starts) == 3
    assert all(name.startswith(f"metric:{evaluation_id}/auc ") for name in trace.starts)
    assert before(trace) >= {"published predictions", "labels", "model", "source"}


def test_metric_of_a_slice_is_traced_and_a_missing_one_refused(session, done, evaluation_id):
    trace = trace_of(session, f"{evaluation_id}/auc/origin=JFK")
    assert [node.facts["n"] > 0 for node in of(trace, "metric")] == [True] * 3
    for text in (f"{evaluation_id}/accuracy_of_all", f"{evaluation_id}/auc/origin=Nowhere"):
        with pytest.raises(RequestError, match="has no such metric or slice - name a run id"):
            trace_of(session, text)


def test_published_predictions_are_traced_by_run_date(session, done, three):
    name = table(session, three.predictions_table)
    trace = trace_of(session, f"{name}@{DAY}")
    assert len(trace.starts) == 3
    assert {trace.graph[start].facts["checksum"] for start in trace.starts} != {None}
    assert before(trace) == set(MADE)
    view = trace_of(session, f"bq://{table(session, three.predictions_view)}@{DAY}")
    assert [view.graph[start].facts["role"] for start in view.starts] == ["champion"]
    with pytest.raises(RequestError, match=f"the run date is missing - name one of them: {name}@YYYY-MM-DD"):
        trace_of(session, name)
    with pytest.raises(RequestError, match="no predictions of this run date are published there"):
        trace_of(session, f"{name}@2013-01-01")


def test_source_leads_to_every_run_that_read_it(session, done):
    trace = trace_of(session, table(session, "flight_outcomes"))
    assert done.run_id in named(trace, "run")
    assert after(trace) >= {"run", "examples", "model", "manifest", "published predictions", "labels", "evaluation"}
    dated = trace_of(session, f"{table(session, 'weather')}@{DAY}")
    assert named(dated, "run") == [done.run_id]
    assert after(dated) >= {"predictions file", "metric"}  # of one run date everything is traced
    assert after(trace_of(session, f"{table(session, 'weather')}@2013-01-01")) == set()


def test_borrowed_model_leads_to_the_run_that_trained_it(session, late, done, model):
    run_phase(session, late, BORROWED, "predict", model=model["uri"])
    run_phase(session, late, BORROWED, "load")
    run = join_run(session, late, BORROWED)
    trace = trace_of(session, f"{table(session, late.predictions_table)}@{BORROWED}")
    assert named(trace, "model") == [model["uri"]]
    assert set(named(trace, "run")) == {run.run_id, done.run_id}
    assert len(named(trace, "examples")) == 2
    for form in ("model_id", "uri"):
        forward = trace_of(session, model[form])
        assert len(forward.starts) == 1
        days = {name.partition("@")[2][:10] for name in named(forward, "published predictions")}
        assert days == {str(DAY), str(BORROWED)}
    assert len(named(trace_of(session, run.run_id), "published predictions")) == 1


@pytest.fixture(scope="module")
def generations(session, late):
    """Two generations of one run date."""
    return run_job(session, late, AGAIN), run_job(session, with_history_days(late, 20), AGAIN)


def test_superseded_generation_is_traced_with_the_newer_one(session, late, generations):
    first, newer = generations
    trace = trace_of(session, first.run_id)
    assert of(trace, "run")[0].state == f"superseded by {newer.run_id}"
    assert {node.state for node in of(trace, "published predictions")} == {f"replaced by {newer.run_id}"}
    assert len(of(trace, "predictions file")) == 4
    name = f"{table(session, late.predictions_table)}@{AGAIN}"
    assert named(trace_of(session, name), "run") == [newer.run_id]
    again = trace_of(session, first.models[0]["model_id"])  # the same model in both, where history does not matter
    assert first.models[0]["uri"] in named(again, "model")


def test_expired_and_removed_artefacts_are_gone(session, late, generations):
    _, summary = generations
    run = join_run(session, with_history_days(late, 20), AGAIN)
    reader(session)(f"DROP TABLE `{run.table('examples')}`")
    for folder in (Folder.MODELS, Folder.PREDICTIONS):
        for item in session.store.list(run.layout.run_folder(folder)):
            session.store.delete(item)
    trace = trace_of(session, summary.run_id)
    states = {kind: {node.state for node in of(trace, kind)} for kind in ("examples", "model", "manifest")}
    assert states == {"examples": {"gone"}, "model": {"gone"}, "manifest": {"gone"}}
    assert {node.state for node in of(trace, "published predictions")} == {""}
    assert of(trace, "model")[0].facts["training_rows"] == summary.rows["train"]
    gone = trace_of(session, summary.uris["predictions"][0])  # its manifest is gone, too
    assert [gone.graph[name].kind for name in gone.starts] == ["manifest"]
    assert trace_of(session, summary.models[0]["uri"]).starts == [f"model:{summary.models[0]['uri']}"]
    for item in session.store.list(session.store.uri(late.name, "attempts", str(AGAIN), "")):
        session.store.delete(item)
    trace = trace_of(session, summary.run_id)
    assert of(trace, "run")[0].state == "its claim is gone"
    assert {edge.summary for edge in trace.graph.sources(trace.starts[0])} == {"as job.yaml names it now"}
    assert len(of(trace, "published predictions")) == 2


def test_unfinished_run_is_traced_up_to_its_last_artefact(session, late, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.phases.predict.commit_manifest", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_job(session, late, PART)
    run = join_run(session, late, PART)
    trace = trace_of(session, run.run_id)
    assert of(trace, "run")[0].state == "unfinished"
    assert after(trace) == {"examples", "model", "predictions file"}


def test_void_run_shows_its_reason(session, late):
    with pytest.raises(RequestError, match="nothing to score"):
        run_job(session, late, VOID)
    name = reader(session)(f"SELECT run_id FROM ledger.events_v1 WHERE run_date = '{VOID}' AND event = 'checked'")
    trace = trace_of(session, name[0]["run_id"])
    assert of(trace, "run")[0].state.startswith("void: flight_delay 2013-09-01: nothing to score")
    assert after(trace) == set()


def test_model_unknown_to_the_ledger_was_passed_by_option(session, late, done, model, monkeypatch):
    monkeypatch.setattr("pipeline.explain.trace.history.model_runs_statement", no_models)
    trace = trace_of(session, f"{table(session, late.predictions_table)}@{BORROWED}")
    assert [(node.name, node.state) for node in of(trace, "model")] == [
        (model["model_id"], "not in the ledger: its bundle was passed with --model")
    ]


def no_models(session, jobs, _):
    return model_runs_statement(session, jobs, ["unknown"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flight_delay",
        "flight_delay-2013-07-03",
        "flight_delay-2013-07-03-0123456789",
        "flight_delay-2013-99-99-0123456789",
        "unknown-2013-07-03-0123456789",
        "0123456789abcdef",
        "0123456789abcdef/auc",
        "gs://",
        "gs://elsewhere/flight_delay/models/2013-07-01/x/y",
        "{bucket}/flight_delay/models/2013-07-01/flight_delay-2013-07-01-0123456789/x/y",
        "{bucket}/flight_delay/attempts/2013-07-01/x/y",
        "{bucket}/flight_delay",
        "pipeline-local.elsewhere.weather",
        "pipeline-local.{dataset}.nothing",
        "pipeline-local.{dataset}.weather@soon",
        "pipeline-local.{dataset}.weather.x",
        "pipeline-local.{runs}.flight_delay__20130701__0123456789__examples",
        "pipeline-local.{runs}.flight_delay__20139999__0123456789__examples",
        "pipeline-local.{runs}.flight_delay__20130701__0123456789abcdef__labels",
        "pipeline-local.{runs}.unknown__20130701__0123456789__examples",
    ],
)
def test_unknown_name_is_refused_with_the_forms(session, done, text):
    target = session.target
    places = {"bucket": session.store.uri(), "dataset": target.dataset, "runs": target.runs_dataset}
    with pytest.raises(RequestError, match="name a run id, the gs:// address") as raised:
        trace_of(session, text.format(**places))
    assert str(raised.value).startswith(f"{text.format(**places)}: ")


def test_empty_target_knows_nothing_and_gets_nothing(make_target, connect, requests_sent):
    empty = connect(make_target().model_copy(update={"bucket": "no-such-bucket"}))
    for text in ("flight_delay-2013-07-03-0123456789", "0123456789abcdef"):
        with pytest.raises(RequestError, match="nothing of this name is known"):
            trace_of(empty, text)
    source = trace_of(empty, table(empty, "weather"))
    assert (of(source, "source")[0].state, after(source)) == ("gone", set())
    assert {sent.method for sent in requests_sent.sent} == {"GET"}


def test_trace_only_reads(session, done, evaluation_id, requests_sent):
    for text in (done.run_id, evaluation_id, table(session, "weather")):
        trace_of(session, text)
    assert requests_sent.writes == []
    assert requests_sent.sent != []


def test_target_without_runs_knows_none(make_empty_session, job):
    session = make_empty_session()
    ensure_tables(session, job)
    with pytest.raises(RequestError, match="nothing of this name"):
        trace_of(session, "0123456789abcdef")


def test_json_holds_the_graph_and_text_names_every_node(session, done):
    trace = trace_of(session, done.run_id)
    content = json.loads(json.dumps(trace.as_json(), default=str))
    assert list(content) == ["traced", "subject", "nodes", "edges"]
    assert list(content["nodes"][0]) == ["id", "kind", "name", "facts", "state"]
    ids = {node["id"] for node in content["nodes"]}
    assert {end for edge in content["edges"] for end in (edge["source"], edge["target"])} <= ids
    text = trace_text(trace, plain=True)
    assert all(f"{node['kind']} {node['name']}" in text for node in content["nodes"])
