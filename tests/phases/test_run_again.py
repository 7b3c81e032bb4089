"""The same command after runs that were interrupted, superseded, voided or predicted with models of other runs."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from pipeline.errors import RequestError
from pipeline.models.fetch import fetch_verified
from pipeline.phases import train
from pipeline.phases.load import load_run
from pipeline.phases.predict import predict_from_data
from pipeline.phases.run import run_job, run_phase
from pipeline.runs.artefacts.models import check_at, committed_models
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import open_run
from pipeline.runs.publications import published_slices
from tests.support.changed_variants import (
    FIRST,
    LAST,
    MIDDLE,
    ROWS,
    decisions,
    job_of,
    job_with_prior,
    rate,
    seen,
    verdicts,
)
from tests.support.integration_fixtures import reader, with_history_days

pytestmark = pytest.mark.cloud


@pytest.fixture
def own(job):
    """A job with a new name, over the sources that all tests share."""
    return replace(job, name=f"j{uuid4().hex[:8]}")


@pytest.fixture
def one(own):
    return job_with_prior(own, 20.0)


def rows_of(session, job, table, columns):
    rows = reader(session)(f"SELECT {columns} FROM {table} WHERE job = '{job.name}' ORDER BY {columns}")
    return [tuple(row.values()) for row in rows]


def published(session, job):
    return reader(session)(f"SELECT * FROM ml.{job.predictions_table} ORDER BY run_date, variant, flight, origin")


def raises_once(patch, method, applies=lambda *_: True):
    """Make a method of the ledger raise KeyboardInterrupt the first time that it applies."""
    original, killed = getattr(Ledger, method), []

    def call(self, *args):
        if not killed and applies(*args):
            killed.append(args)
            raise KeyboardInterrupt
        return original(self, *args)

    patch.setattr(Ledger, method, call)


def of_phase(phase):
    return lambda *args: any(event.phase == phase for event in args[-1])


KILLED = [
    *(pytest.param("record", of_phase(phase), id=phase) for phase in ("preprocess", "train", "predict", "load")),
    pytest.param("record_models", lambda *_: True, id="models"),
]


@pytest.mark.matrix(1)
@pytest.mark.parametrize(("method", "applies"), KILLED)
def test_the_next_attempt_records_unrecorded_work(session, one, monkeypatch, method, applies):
    with monkeypatch.context() as patch:
        raises_once(patch, method, applies)
        with pytest.raises(KeyboardInterrupt):
            run_job(session, one, FIRST)
    run = open_run(session, one, FIRST)
    assert run_job(session, one, FIRST).run_id == run.run_id
    (model,) = committed_models(run)
    assert rows_of(session, one, "ledger.models_v1", "variant, model_id") == [(model.variant, model.model_id)]
    assert rows_of(session, one, "ledger.events_v1", "phase, event, variant, model_id") == [
        ("load", "published", model.variant, model.model_id),
        ("predict", "done", model.variant, model.model_id),
        ("preprocess", "checked", None, None),
        ("preprocess", "done", None, None),
        ("train", "done", model.variant, model.model_id),
    ]
    assert decisions(session, one) == [(FIRST, model.variant, "first")]
    assert verdicts(session, one) == [(FIRST, model.variant, "first")]
    assert run_job(session, one, FIRST).status == "already_done"


@pytest.fixture
def fitted(monkeypatch):
    """The parameters of the variants that are fitted from now on."""
    params, fit = [], train.train_from_data

    def counted(config, frame):
        params.append(config.params["prior_flights"])
        return fit(config, frame)

    monkeypatch.setattr(train, "train_from_data", counted)
    return params


def test_a_new_challenger_fits_no_other_variant_again(session, own, one, fitted, tmp_path):
    two = job_of(own, rate(own, 20.0), rate(own, 5.0, "other"))
    first = run_job(session, one, FIRST)
    second = run_job(session, two, FIRST)
    assert fitted == [20.0, 5.0]
    before, after = first.models[0], second.models[0]
    assert (after["variant"], after["model_id"]) == (before["variant"], before["model_id"])
    assert after["uri"] != before["uri"]  # a bundle of the new run, complete
    info = fetch_verified(after["uri"], session.store, tmp_path, check_at(session, after["uri"]))
    assert info.run["run_id"] == second.run_id
    scores = {row["variant"]: row["score"] for row in published(session, two)}
    assert len(scores) == 2
    run_job(session, two, FIRST, rerun=True)  # this asks for new fits
    assert fitted == [20.0, 5.0, 20.0, 5.0]


def test_other_rows_or_a_damaged_bundle_are_fitted_again(session, own, one, fitted):
    first = run_job(session, one, MIDDLE)
    run_job(session, with_history_days(one, 20), MIDDLE)
    assert fitted == [20.0, 20.0]
    model = f"{first.models[0]['uri']}/model.joblib"
    session.store.replace_text("damaged", model, "text/plain")
    run_job(session, job_of(own, rate(own, 20.0), rate(own, 5.0, "other")), MIDDLE)
    assert fitted == [20.0, 20.0, 20.0, 5.0]


@pytest.mark.long
def test_consumers_read_the_variant_that_a_date_was_run_with(session, own, one):
    new = job_with_prior(own, 5.0)
    for day in (FIRST, MIDDLE):
        run_job(session, one, day)
    again = run_job(session, new, FIRST)
    assert seen(session, one) == {FIRST: new.variants[0].id, MIDDLE: one.variants[0].id}
    rows = reader(session)(f"SELECT run_id FROM ml.{one.predictions_view} WHERE run_date = '{FIRST}'")
    assert rows == [{"run_id": again.run_id}] * ROWS
    assert run_job(session, new, FIRST).status == "already_done"


@pytest.mark.long
def test_a_run_superseded_before_its_load_publishes_nothing(session, one):
    run_job(session, one, FIRST)
    run_phase(session, one, FIRST, "train", rerun=True)
    run_phase(session, one, FIRST, "predict")
    late, before = open_run(session, one, FIRST), published(session, one)
    newer = run_job(session, one, FIRST, rerun=True)
    with pytest.raises(RequestError, match=f"{late.run_id} is superseded by {newer.run_id} - nothing was published"):
        load_run(late, committed_manifests(late))
    assert published(session, one) != before
    assert {row["run_id"] for row in published(session, one)} == {newer.run_id}
    assert (FIRST, "published", late.run_id) not in rows_of(session, one, "ledger.events", "run_date, event, run_id")


@pytest.mark.long
def test_models_of_another_run_are_replaced_by_the_runs_own(session, own):
    both = job_of(own, rate(own, 20.0, "a"), rate(own, 5.0, "b"))
    foreign = run_phase(session, both, FIRST, "train").models
    for model in foreign:
        run_phase(session, both, LAST, "predict", model=model["uri"])
    assert run_phase(session, both, LAST, "load").rows["load"] == 2 * ROWS
    run = open_run(session, both, LAST)
    strangers = {model["model_id"] for model in foreign}
    assert {part.model_id for part in published_slices(run).values()} == strangers
    done = run_job(session, both, LAST)
    assert (done.status, done.run_id) == ("done", run.run_id)
    trained = {model.variant: model.model_id for model in committed_models(run)}
    assert {variant: part.model_id for variant, part in published_slices(run).items()} == trained
    assert len(trained) == 2
    assert not strangers & set(trained.values())
    assert run_job(session, both, LAST).status == "already_done"


@pytest.mark.long
def test_load_records_the_events_of_predict_once(session, own, monkeypatch):
    both = job_of(own, rate(own, 20.0, "a"), rate(own, 5.0, "b"))
    ids = sorted(model["model_id"] for model in run_phase(session, both, LAST, "train").models)
    run_phase(session, both, LAST, "predict")
    run = open_run(session, both, LAST)

    def recorded():
        rows = rows_of(session, both, "ledger.events_v1", "run_id, phase, model_id")
        return sorted(model_id for run_id, phase, model_id in rows if (run_id, phase) == (run.run_id, "predict"))

    assert recorded() == []
    with monkeypatch.context() as patch:
        raises_once(patch, "record", of_phase("predict"))
        with pytest.raises(KeyboardInterrupt):
            run_phase(session, both, LAST, "load")
    assert recorded() == []
    for status in ("done", "already_done"):
        assert run_phase(session, both, LAST, "load").status == status
        assert recorded() == ids


def test_variants_of_one_configuration_have_models_of_their_own(session, own):
    twins = job_of(own, rate(own, 20.0, "a"), rate(own, 20.0, "b"))
    assert run_job(session, twins, FIRST).rows["load"] == 2 * ROWS
    run = open_run(session, twins, FIRST)
    models, manifests = committed_models(run), committed_manifests(run)
    ids = [variant.id for variant in twins.variants]
    assert len({model.model_id for model in models}) == len({model.data_checksum for model in models}) + 1 == 2
    assert sorted((each.variant, each.model_id) for each in manifests) == sorted(
        (model.variant, model.model_id) for model in models
    )
    assert not set(manifests[0].uris) & set(manifests[1].uris)
    scores = {name: [row["score"] for row in published(session, twins) if row["variant"] == name] for name in ids}
    assert scores[ids[0]] == scores[ids[1]]
    assert len(scores[ids[0]]) == ROWS
    assert run_job(session, twins, FIRST).status == "already_done"


@pytest.mark.long
def test_a_rerun_without_predictions_replaces_published_rows(session, one, monkeypatch):
    run_job(session, one, FIRST)
    (score,) = one.spec.predictions.columns
    refused = lambda model, df: predict_from_data(model, df).assign(**{score: float("nan")})  # noqa: E731
    monkeypatch.setattr("pipeline.phases.predict.predict_from_data", refused)
    done = run_job(session, one, FIRST, rerun=True, max_reject_rate=1.0)
    assert (done.status, done.rows["predict"], done.rows["load"]) == ("done", 0, 0)
    assert published(session, one) == []
    again = run_job(session, one, FIRST)
    assert (again.status, again.run_id, again.rows["load"]) == ("already_done", done.run_id, 0)


def test_a_date_without_data_voids_the_run(session, one):
    day = LAST.replace(year=2012)
    with pytest.raises(RequestError, match="nothing to score"):
        run_job(session, one, day)
    generations = f"{one.name}/attempts/{day}/generations/000001.json"
    first = session.store.read_json(session.store.uri(*generations.split("/")))["run_id"]
    uri = session.store.uri(one.name, "attempts", str(day), first, "void.json")
    assert "nothing to score" in session.store.read_json(uri)["reason"]
    assert open_run(session, one, day).generation == 2


def test_expired_examples_do_not_void_a_run_with_predictions(session, one, monkeypatch):
    run_phase(session, one, FIRST, "train")
    run_phase(session, one, FIRST, "predict")
    run = open_run(session, one, FIRST)
    session.warehouse._client.delete_table(str(run.table("examples")))
    with monkeypatch.context() as patch:
        error = RequestError("the snapshot is too old")
        patch.setattr("pipeline.phases.preprocess._make", lambda _: (_ for _ in ()).throw(error))
        with pytest.raises(RequestError, match="the snapshot is too old"):
            run_phase(session, one, FIRST, "preprocess")
    assert session.store.read_json(run.layout.void) is None
    assert open_run(session, one, FIRST).run_id == run.run_id
    assert run_phase(session, one, FIRST, "load").rows["load"] == ROWS


def test_generations_continue_after_an_old_claim_is_removed(session, one):
    runs = [open_run(session, one, FIRST, rerun=True) for _ in range(2)]
    folder = session.store.uri(one.name, "attempts", str(FIRST), "generations")
    session.store._blob(f"{folder}/000001.json").delete()
    third = open_run(session, one, FIRST, rerun=True)
    assert [run.generation for run in (*runs, third)] == [1, 2, 3]
    assert third.run_id not in {run.run_id for run in runs}
    assert open_run(session, one, FIRST).run_id == third.run_id
