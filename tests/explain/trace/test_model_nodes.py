"""Traces of id<->index tables: from a model to the table that holds them all, and back."""

from __future__ import annotations

from datetime import date

import pytest

from jobs.item_recommend.fixtures import write_fixtures
from pipeline.errors import RequestError
from pipeline.explain.trace.trace import trace_of
from pipeline.operate.sources import load_sources
from pipeline.phases.run import run_phase
from pipeline.runs.opening import join_run
from tests.support.integration_fixtures import reader

DAY, PART = date(2026, 2, 1), date(2026, 2, 2)
NAMES = ["items", "users"]


@pytest.fixture(scope="module")
def job(project):
    return project.job("item_recommend")


@pytest.fixture(scope="module")
def session(make_empty_session, job, tmp_path_factory):
    session, folder = make_empty_session(), tmp_path_factory.mktemp("shop")
    write_fixtures(folder, 7)
    load_sources(session, job, folder)
    return session


@pytest.fixture(scope="module")
def done(session, job):
    return run_phase(session, job, DAY, "train")


@pytest.fixture
def id_maps(session):
    return str(session.target.table("id_maps_v1"))


def of(trace, kind):
    return [node for node in trace.graph.nodes if node.kind == kind]


def test_model_leads_to_its_id_maps(session, done, id_maps):
    model = done.models[0]
    trace = trace_of(session, model["model_id"])
    assert [node.name for node in of(trace, "ids")] == [f"{id_maps}@{DAY}/{model['model_id']}/{name}" for name in NAMES]
    assert [node.name.rpartition("__")[2] for node in of(trace, "loaded ids")] == NAMES
    for loaded, ids in zip(of(trace, "loaded ids"), of(trace, "ids"), strict=True):
        assert (loaded.state, ids.state) == ("", "")
        assert loaded.facts["rows"] == ids.facts["rows"] > 0
        assert trace.graph.ancestors([loaded.id]) >= {f"model:{model['uri']}", f"run:{done.run_id}"}
        assert [edge.source for edge in trace.graph.sources(ids.id)] == [loaded.id]
    assert len(of(trace_of(session, done.run_id), "ids")) == 2 * len(done.models)


def test_run_table_of_ids_leads_back_to_its_model(session, done):
    model = done.models[0]
    (table, _) = (node.name for node in of(trace_of(session, model["uri"]), "loaded ids"))
    trace = trace_of(session, f"bq://{table}")
    assert trace.starts == [f"loaded ids:{table}"]
    assert [node.name for node in of(trace, "model")] == [model["uri"]]
    assert len(of(trace, "ids")) == 1


def test_id_maps_table_is_traced_by_run_date(session, done, id_maps):
    trace = trace_of(session, f"{id_maps}@{DAY}")
    assert len(trace.starts) == 2 * len(done.models)
    assert {node.name for node in of(trace, "model")} == {model["uri"] for model in done.models}
    with pytest.raises(RequestError, match=f"the run date is missing - name one of them: {id_maps}@YYYY-MM-DD"):
        trace_of(session, id_maps)
    with pytest.raises(RequestError, match="no model of this run date has id<->index tables"):
        trace_of(session, f"{id_maps}@2020-01-01")


def test_missing_or_changed_id_maps_have_a_state(session, done, id_maps):
    first, second = (model["model_id"] for model in done.models)
    (table, _) = (node.name for node in of(trace_of(session, first), "loaded ids"))
    read = reader(session)
    read(f"DROP TABLE `{table}`")
    read(f"DELETE FROM `{id_maps}` WHERE model_id = '{first}' AND map_name = 'items'")
    read(f"DELETE FROM `{id_maps}` WHERE model_id = '{second}' AND map_name = 'users' AND id_index = 0")
    trace = trace_of(session, done.run_id)
    states = {node.name.rpartition("@")[2]: node.state for node in of(trace, "ids")}
    assert states == {
        f"{DAY}/{first}/items": "gone",
        f"{DAY}/{first}/users": "",
        f"{DAY}/{second}/items": "",
        f"{DAY}/{second}/users": "other rows are in its place",
    }
    assert [node.name for node in of(trace, "loaded ids") if node.state == "gone"] == [table]


def test_model_without_marker_has_its_published_id_maps(session, done):
    model = done.models[0]
    marker = f"{model['uri'].rpartition('/')[0]}.json"
    (item,) = session.store.list(marker)
    session.store.delete(item)
    assert [node.name.rpartition("/")[2] for node in of(trace_of(session, model["model_id"]), "ids")] == ["users"]


def test_id_maps_not_loaded_yet_are_not_gone(session, job, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.phases.train.load_id_maps", interrupted)
    run_phase(session, job, PART, "preprocess")
    with pytest.raises(KeyboardInterrupt):
        run_phase(session, job, PART, "train")
    trace = trace_of(session, join_run(session, job, PART).run_id)
    assert len(of(trace, "model")) == 2
    assert of(trace, "ids") == of(trace, "loaded ids") == []
