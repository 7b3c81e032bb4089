"""A bundle at the command line: predicting with nothing but an installed wheel, and looking at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pandas as pd
import pytest

from pipeline.cloud.storage.store import Store
from pipeline.models.bundle import sealed
from pipeline.models.fetch import fetch_bundle
from pipeline.project.target import Endpoints, local_target
from tests.cli.conftest import Done
from tests.support.integration_fixtures import ROOT

DAY = "2013-07-03"


@pytest.fixture(scope="module")
def where(loaded_dir, quick_project, tmp_path_factory):
    """A project whose job flight_delay has two rates as variants: a bundle holds the code of its job's folder."""
    root = tmp_path_factory.mktemp("rates") / "project"
    shutil.copytree(quick_project, root)
    shutil.copy(root / "jobs" / "flight_quick" / "job.yaml", root / "jobs" / "flight_delay")
    return ("--project-dir", str(root), "--local-dir", str(loaded_dir))


@pytest.fixture(scope="module")
def models(prepare, where):
    """Bundles by the names of variants."""
    done = prepare("train", "flight_delay", "--run-date", DAY, "--json", *where)
    assert done.code == 0, done.err
    return {model["variant"].partition("@")[0]: model["uri"] for model in json.loads(done.out)["models"]}


@pytest.fixture(scope="module")
def uri(models):
    """The bundle of a baseline: it needs no library but pandas."""
    return models["carrier_hour_rate"]


@pytest.fixture(scope="module")
def other(models):
    return models["constant_rate"]


@pytest.fixture(scope="module")
def store(prepare, where):
    found = json.loads(prepare("local", "status", "--json", *where[2:]).out)
    places = {name: found[name] for name in ("bigquery", "bigquery_storage", "storage")}
    return Store(local_target(Endpoints(**places)))


@pytest.fixture(scope="module")
def folder(uri, store, tmp_path_factory):
    return fetch_bundle(uri, store, tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def data(folder, tmp_path):
    """A CSV file of rows to score, without labels and with columns in another order."""
    frame = pd.read_parquet(folder / "training.parquet").drop(columns="label").head(20)
    frame[sorted(frame.columns)].to_csv(tmp_path / "rows.csv", index=False)
    return str(tmp_path / "rows.csv")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The command from an installed wheel: the repository is not on the path, in a folder where it is not either."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (file,) = out.glob("*.whl")
    zipfile.ZipFile(file).extractall(out / "installed")
    # -S: the files that put the repository on the path are not read
    path = os.pathsep.join([str(out / "installed"), sysconfig.get_path("purelib")])

    def call(*arguments: str, code: str = "from pipeline.cli import main; main()") -> Done:
        command = [sys.executable, "-S", "-c", code, *arguments]
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(
            command, cwd=out, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return call


def test_wheel_contains_no_job(wheel):
    assert "No module named 'jobs'" in wheel(code="import pipeline.cli, jobs").err


def test_bundle_predicts_from_an_installed_wheel(wheel, where, uri, data, tmp_path, here):
    out, again = tmp_path / "wheel.jsonl", tmp_path / "repository.jsonl"
    done = wheel("predict", "--model", uri, "--data", data, "--out", str(out), *where)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out}: 20 predictions of {uri}\n"
    assert here("predict", "--model", uri, "--data", data, "--out", str(again), *where).code == 0
    assert out.read_bytes() == again.read_bytes()
    first = json.loads(out.read_text().splitlines()[0])
    assert list(first) == ["flight_date", "carrier", "flight", "origin", "score"]


def test_folder_needs_no_target(wheel, folder, data, tmp_path):
    out = tmp_path / "out.jsonl"
    done = wheel("predict", "--model", str(folder), "--data", data, "--out", str(out), "--json")
    assert json.loads(done.out) == {"model": str(folder), "data": data, "out": str(out), "rows": 20}
    assert len(out.read_text().splitlines()) == 20


@pytest.mark.matrix(1)
@pytest.mark.parametrize(
    ("commit", "origin"), [("0a" * 20, f"commit {'0a' * 20}"), (None, "the code with digest 0123456789abcdef")]
)
def test_missing_code_of_a_bundle_is_named(wheel, folder, data, tmp_path, commit, origin):
    bare = shutil.copytree(folder, tmp_path / "bare")
    content = json.loads((bare / "bundle.json").read_text())
    code = [name for name in content["files"] if name.endswith(".py")]
    for name in code:
        (bare / name).unlink()
        del content["files"][name]
    content |= {"commit": commit, "code_digest": "0123456789abcdef"}
    (bare / "bundle.json").write_text(json.dumps(sealed(content)))
    done = wheel("predict", "--model", str(bare), "--data", data, "--out", str(tmp_path / "out.jsonl"))
    assert done.code == 2
    assert "No module named 'jobs.flight_delay.baselines'" in done.error
    assert f"put the module jobs.flight_delay.baselines on the path, from {origin}" in done.error
    assert not (tmp_path / "out.jsonl").exists()


def test_missing_column_is_named(here, folder, data, tmp_path):
    pd.read_csv(data).drop(columns=["carrier", "distance"]).to_csv(tmp_path / "less.csv", index=False)
    done = here(
        "predict", "--model", str(folder), "--data", str(tmp_path / "less.csv"), "--out", str(tmp_path / "o.jsonl")
    )
    assert (done.code, "column carrier, distance is missing" in done.error) == (2, True)


def test_bundle_swapped_as_a_whole_is_refused(here, where, uri, data, store, tmp_path):
    """Everything about it is right but that the ledger knows another one."""
    content = json.loads(store.read_bytes(f"{uri}/bundle.json"))
    forged = sealed(content | {"run": {}, "complete": False})
    store.replace_text(json.dumps(forged), f"{uri}/bundle.json", "application/json")
    try:
        for command in (
            ["predict", "--data", data, "--out", str(tmp_path / "o.jsonl"), "--model"],
            ["model", "inspect"],
        ):
            done = here(*command, uri, *where)
            assert (done.code, "not the bundle that was committed here" in done.error) == (3, True)
    finally:
        store.replace_text(json.dumps(content), f"{uri}/bundle.json", "application/json")
    assert not (tmp_path / "o.jsonl").exists()


def test_bundle_swapped_for_another_known_one_is_refused(here, where, uri, other, store):
    """What a bundle says is compared before its files come."""
    own, theirs = (store.read_bytes(f"{place}/bundle.json").decode() for place in (uri, other))
    store.replace_text(theirs, f"{uri}/bundle.json", "application/json")
    try:
        done = here("model", "inspect", uri, *where)
        assert (done.code, "not the bundle that was committed here" in done.error) == (3, True)
    finally:
        store.replace_text(own, f"{uri}/bundle.json", "application/json")
    assert here("model", "inspect", f"{uri}/", *where).code == 0


def test_bundle_of_an_unknown_run_is_refused(here, where, uri, store):
    elsewhere = store.uri("elsewhere", "bundle")
    content = store.read_json(f"{uri}/bundle.json")
    for name in content["files"]:
        store.replace_text(store.read_bytes(f"{uri}/{name}").decode("latin-1"), f"{elsewhere}/{name}", "text/plain")
    changed = sealed(content | {"run": content["run"] | {"run_id": "flight_delay-2013-07-03-0123456789"}})
    store.replace_text(json.dumps(changed), f"{elsewhere}/bundle.json", "application/json")
    done = here("model", "inspect", elsewhere, *where)
    assert (done.code, "has no such bundle" in done.error) == (3, True)


def test_inspect_shows_a_verified_bundle(here, where, uri, folder, monkeypatch):
    monkeypatch.setattr("joblib.load", lambda _: pytest.fail("it was unpickled"))
    done = here("model", "inspect", uri, *where)
    assert (done.code, done.err) == (0, "")
    assert "models_v1 has the same SHA-256" in done.out
    assert "SQL        flight_delay/preprocess/examples@v1 " in done.out
    assert "jobs/flight_delay/model.py" in done.out
    local = here("model", "inspect", str(folder))
    assert "not compared" in local.out
    content = json.loads(here("model", "inspect", uri, "--json", *where).out)
    assert list(content) == ["place", "ledger", "bundle", "variant"]
    assert content["bundle"]["seeds"] == {"numpy": 0, "random": 0}


def test_inspect_refuses_a_damaged_bundle(here, folder, tmp_path):
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "variant.yaml").write_text("x: 1\n")
    done = here("model", "inspect", str(damaged))
    assert (done.code, "variant.yaml: missing or not the file that bundle.json lists" in done.error) == (3, True)
