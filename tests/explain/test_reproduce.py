"""Models trained again: in this project, from the bundle alone, and in a project that changed."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from jobs.item_recommend.fixtures import write_fixtures
from pipeline.errors import CheckError, RequestError
from pipeline.explain.reproduce import Reproduction, reproduce, reproduction_json, reproduction_lines
from pipeline.explain.reproduce.outcome import (
    DIFFERENT,
    EQUIVALENT,
    IDENTICAL,
    NOT_COMPARED,
    Item,
    compared_predictions,
)
from pipeline.models.fetch import fetch_bundle
from pipeline.operate.sources import load_sources
from pipeline.phases.run import run_phase
from pipeline.phases.train import train_from_path
from pipeline.project.project import Project
from pipeline.sql import Catalogue
from tests.support.dummy_project import edit
from tests.support.integration_fixtures import ROOT

DAYS = {"flight_delay": date(2013, 7, 3), "item_recommend": date(2026, 2, 1)}
ITEMS = ["SQL", "configuration", "code", "libraries", "seeds", "data", "model", "predictions"]


@pytest.fixture(scope="module")
def models(session, project, tmp_path_factory):
    """Addresses of all models of both jobs, trained and used on one day, by job and variant."""
    shop = tmp_path_factory.mktemp("shop")
    write_fixtures(shop, 7)
    load_sources(session, project.job("item_recommend"), shop)
    addresses = {}
    for name, day in DAYS.items():
        job = project.job(name)
        for model in run_phase(session, job, day, "train").models:
            addresses[name, model["variant"].split("@")[0]] = model["uri"]
        run_phase(session, job, day, "predict")
    return addresses


def verdicts(reproduction):
    return {item.name: item.verdict for item in reproduction.items}


@pytest.fixture
def elsewhere(session, tmp_path):
    """A session in a copy of the project, which tests may change."""
    for name in ("jobs", "sql", "udf"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return in_project(session, tmp_path / "copy")


def in_project(session, root):
    return replace(session, project=Project(root), catalogue=Catalogue(root))


@contextmanager
def own_modules():
    """Import the jobs' code again inside, and restore all modules afterwards."""
    paths, modules = list(sys.path), {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    sys.path[:] = [path for path in paths if path not in ("", str(ROOT))]
    try:
        yield
    finally:
        sys.path[:] = paths
        for name in [name for name in sys.modules if ours(name)]:
            del sys.modules[name]
        sys.modules.update(modules)


def ours(name):
    return f"{name}.".startswith("jobs.")


def test_every_model_of_both_jobs_is_identical(session, models):
    assert len(models) == 6
    for uri in models.values():
        reproduction = reproduce(session, uri, rebuild=False)
        assert verdicts(reproduction) == dict.fromkeys(ITEMS, IDENTICAL)
        assert (reproduction.verdict, reproduction.exit_code) == (IDENTICAL, 0)


@pytest.mark.parametrize("model", [("flight_delay", "logistic_regression"), ("item_recommend", "item_similarity")])
def test_rebuild_queries_the_rows_and_deletes_their_table(session, models, model):
    before = session.warehouse.tables.listed(session.target.runs_dataset)
    reproduction = reproduce(session, models[model], rebuild=True)
    assert verdicts(reproduction) == dict.fromkeys(ITEMS, IDENTICAL)
    assert "made again by SQL from the sources as of" in next(
        item.summary for item in reproduction.items if item.name == "data"
    )
    assert session.warehouse.tables.listed(session.target.runs_dataset) == before


@pytest.mark.parametrize("model", [("flight_delay", "carrier_hour_rate"), ("item_recommend", "popularity")])
def test_bundle_alone_is_enough(session, models, model, tmp_path):
    with own_modules():
        reproduction = reproduce(in_project(session, tmp_path), models[model], rebuild=False)
    assert verdicts(reproduction) == {
        **dict.fromkeys(ITEMS, IDENTICAL), **dict.fromkeys(("SQL", "configuration", "code"), NOT_COMPARED)
    }  # fmt: skip
    assert reproduction.verdict == IDENTICAL


def test_changed_lines_of_code_sql_and_configuration_are_shown(elsewhere, models):
    root = elsewhere.project.root
    edit(root / "jobs/flight_delay/baselines.py", "prior_flights * self.rate)", "prior_flights * self.rate + 0.1)")
    edit(root / "sql/flight_delay/preprocess/examples_v1.sql", "SELECT\n", "SELECT /* other */\n")
    edit(root / "jobs/flight_delay/carrier_hour_rate.yaml", "prior_flights: 20.0", "prior_flights: 10.0")
    with own_modules():
        reproduction = reproduce(elsewhere, models["flight_delay", "carrier_hour_rate"], rebuild=False)
    same = ("libraries", "seeds", "data")
    assert verdicts(reproduction) == dict.fromkeys(ITEMS, DIFFERENT) | dict.fromkeys(same, IDENTICAL)
    assert (reproduction.verdict, reproduction.exit_code) == (DIFFERENT, 3)
    text = "\n".join(reproduction_lines(reproduction))
    assert "variant.params.prior_flights 20.0 -> 10.0" in text
    assert "self.rate + 0.1)" in text
    assert "SELECT /* other */" in text
    assert text.splitlines()[-1] == "different; differences in: SQL, configuration, code, model, predictions"
    assert [item["name"] for item in reproduction_json(reproduction)["items"]] == ITEMS


def test_predictions_differing_in_the_last_digits_are_equivalent(elsewhere, models):
    edit(elsewhere.project.root / "jobs/flight_delay/features.py", "scores.round(12)", "scores.round(12) + 1e-9")
    with own_modules():
        reproduction = reproduce(elsewhere, models["flight_delay", "constant_rate"], rebuild=False)
    item = reproduction.items[-1]
    assert (item.verdict, reproduction.verdict, reproduction.exit_code) == (EQUIVALENT, EQUIVALENT, 0)
    assert "16 differ, by at most 1e-09" in item.summary


def test_comments_and_other_variants_make_no_difference(elsewhere, models):
    root = elsewhere.project.root
    edit(root / "sql/flight_delay/preprocess/examples_v1.sql", "/*\ndescription:", "/*\n# a comment\ndescription:")
    edit(root / "jobs/flight_delay/logistic_regression.yaml", "penalty:", "# weaker\n  penalty:")
    with own_modules():
        reproduction = reproduce(elsewhere, models["flight_delay", "constant_rate"], rebuild=False)
    assert verdicts(reproduction) == dict.fromkeys(ITEMS, IDENTICAL)


def test_project_without_a_copy_of_engine_sql_has_the_same_sql(elsewhere, models):
    shutil.rmtree(elsewhere.project.root / "sql" / "phases")
    with own_modules():
        reproduction = reproduce(elsewhere, models["flight_delay", "constant_rate"], rebuild=False)
    assert verdicts(reproduction)["SQL"] == IDENTICAL


def test_removed_variant_is_named(elsewhere, models):
    edit(elsewhere.project.root / "jobs/flight_delay/job.yaml", "constant_rate, carrier_hour_rate", "carrier_hour_rate")
    with own_modules(), pytest.raises(RequestError, match=r"variant constant_rate@.* is not in the project any more"):
        reproduce(elsewhere, models["flight_delay", "constant_rate"], rebuild=False)


def test_bytes_decide_if_the_examples_cannot_be_rebuilt(session, models, monkeypatch):
    @contextmanager
    def too_late(run):
        raise RequestError("no table that old")
        yield

    monkeypatch.setattr("pipeline.explain.reproduce.compose.rebuilt_examples", too_late)
    monkeypatch.setattr("pipeline.cloud.bigquery.tables.Tables.exists", lambda *_: False)
    reproduction = reproduce(session, models["flight_delay", "constant_rate"], rebuild=False)
    assert reproduction.items[-1] == Item(
        "predictions", NOT_COMPARED, "the run's examples are gone and cannot be made again: no table that old"
    )
    assert reproduction.verdict == IDENTICAL
    with pytest.raises(RequestError, match="no table that old"):
        reproduce(session, models["flight_delay", "constant_rate"], rebuild=True)


def test_model_without_a_job_is_reproduced_from_its_rows(session, models, tmp_path):
    bundle = fetch_bundle(models["flight_delay", "constant_rate"], session.store, tmp_path / "published")
    rows = pd.read_parquet(bundle / "training.parquet")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    train_from_path(bundle / "variant.yaml", tmp_path / "rows.csv", tmp_path / "own")
    reproduction = reproduce(session, str(tmp_path / "own"), rebuild=False)
    assert verdicts(reproduction) == {
        **dict.fromkeys(("libraries", "seeds", "data", "model"), IDENTICAL), "predictions": NOT_COMPARED
    }  # fmt: skip
    with pytest.raises(RequestError, match="leave out --rebuild"):
        reproduce(session, str(tmp_path / "own"), rebuild=True)


def test_damaged_bundle_is_refused(session, models, tmp_path):
    bundle = fetch_bundle(models["flight_delay", "constant_rate"], session.store, tmp_path)
    with (bundle / "training.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CheckError, match=r"training\.parquet: missing or not the file"):
        reproduce(session, str(bundle), rebuild=False)


@pytest.mark.parametrize(
    ("data", "model", "predictions", "verdict"),
    [
        (IDENTICAL, IDENTICAL, IDENTICAL, IDENTICAL),
        (IDENTICAL, IDENTICAL, EQUIVALENT, EQUIVALENT),
        (IDENTICAL, DIFFERENT, IDENTICAL, EQUIVALENT),
        (IDENTICAL, DIFFERENT, EQUIVALENT, EQUIVALENT),
        (IDENTICAL, DIFFERENT, NOT_COMPARED, DIFFERENT),
        (IDENTICAL, IDENTICAL, NOT_COMPARED, IDENTICAL),
        (IDENTICAL, IDENTICAL, DIFFERENT, DIFFERENT),
        (DIFFERENT, IDENTICAL, IDENTICAL, DIFFERENT),
    ],
)
def test_verdict_follows_from_data_model_and_predictions(data, model, predictions, verdict):
    items = [Item("SQL", DIFFERENT, ""), Item("data", data, ""), Item("model", model, "")]
    assert Reproduction("p", "m", [*items, Item("predictions", predictions, "")]).verdict == verdict


def test_a_repeated_key_makes_predictions_different():
    once = pd.DataFrame({"id": ["a", "b"], "score": [0.5, 0.25]})
    twice = pd.concat([once, once.tail(1)], ignore_index=True)
    assert compared_predictions(once, once, ["id"], "2 rows").verdict == IDENTICAL
    assert compared_predictions(once, twice, ["id"], "2 rows").verdict == DIFFERENT
