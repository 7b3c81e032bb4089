"""The option that sends tests to a project on Google Cloud, tried with a target file whose addresses are emulators'."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import yaml

from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.cloud.storage.store import Store
from tests.conftest import network_guard
from tests.support.cloud_target import DAY_MS, CloudPlaces, pytest_configure
from tests.support.integration_fixtures import BUCKET, ROOT


def run(*command):
    # make tells another make below it to say where it is
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    options = {"cwd": ROOT, "env": outside, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run(command, check=False, **options)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def base(make_target):
    """A project as a target file names it."""
    target = make_target().model_copy(update={"bucket": BUCKET, "prefix": "team"})
    Store(target).create_bucket()
    return target


@pytest.fixture
def target_file(base, tmp_path):
    path = tmp_path / "target.yaml"
    path.write_text(yaml.safe_dump(base.model_dump(exclude_none=True)))
    return path


def left(base):
    """Datasets and objects of tests."""
    names = [item.dataset_id for item in Warehouse(base)._client.list_datasets()]
    return [name for name in names if name.startswith("pipeline_test_")] + Store(base).list(f"gs://{BUCKET}/team/")


def test_tests_run_with_a_target_file_alone_and_leave_nothing(base, target_file, endpoints):
    """The target file names no emulator, and nothing asks for the fixture that starts them."""
    emulators = ",".join((endpoints.bigquery, endpoints.bigquery_storage, endpoints.storage))
    plugin = ("-p", "tests.support.emulated_cloud", f"--emulators={emulators}", f"--cloud-target={target_file}")
    files = ("tests/phases/test_run_again.py", "tests/base/test_atomic_file.py")
    tests = (*files, "-k", "generations_continue or test_files")
    code, said = run(sys.executable, "-m", "pytest", "-q", "--setup-show", *plugin, *tests)
    assert code == 0, said
    assert "1 passed" in said
    assert (
        "deselected" in said
    )  # tests/base/test_atomic_file.py assumes nothing either, but there is nothing to send there
    assert "cloud_places" in said
    assert "local_target" not in said
    assert "left behind" not in said
    assert left(base) == []


def test_places_have_names_of_their_own_expire_and_are_removed(base, connect):
    places = CloudPlaces(base)
    session = connect(places.make())
    places.create(session)
    assert not set(session.target.datasets) & set(base.datasets)
    client = session.warehouse._client
    made = [client.get_dataset(f"{base.project}.{name}") for name in session.target.datasets]
    assert {dataset.default_table_expiration_ms for dataset in made} == {DAY_MS}
    session.store.put_json_once({}, session.store.uri("x.json"))
    assert len(left(base)) == 4 + 1
    assert list(places.remove()) == []
    assert left(base) == []
    assert list(places.remove()) == []


def test_leftovers_are_named_with_the_command_that_removes_them(base, monkeypatch):
    monkeypatch.setattr("pipeline.cloud.retries.UNREACHABLE_DEADLINE", 0.0)
    nowhere = base.endpoints.model_copy(update={"bigquery": "http://127.0.0.1:9", "storage": "http://127.0.0.1:9"})
    places = CloudPlaces(base.model_copy(update={"endpoints": nowhere}))
    name = places.make().dataset
    monkeypatch.setattr("tests.support.cloud_target.SECONDS", 0.1)
    lines = list(places.remove())
    assert [line.partition(":")[0] for line in lines[:1]] == [f"dataset {base.project}.{name}"]
    assert lines[0].endswith(f"bq rm -r -f --dataset {base.project}:{name}")
    assert lines[-1].endswith(f"gcloud storage rm --recursive gs://{BUCKET}/team/tests/{name}/")
    assert len(lines) == 5


def test_a_target_file_that_is_none_is_one_line(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("project: p-roject\n")
    config = SimpleNamespace(getoption=lambda _: path, stash={}, addinivalue_line=lambda *_: None)
    with pytest.raises(pytest.UsageError, match=f"^--cloud-target: {path}: key location: required, but missing"):
        pytest_configure(config)


def test_make_says_that_it_skips_without_a_target():
    line = "tests in the cloud: skipped, no project given; name it: make test-cloud TARGET=file.yaml\n"
    assert run("make", "test-cloud") == (0, line)


@pytest.mark.parametrize("option", [None, "target.yaml"])
def test_network_guard_opens_only_with_the_option(option):
    request = SimpleNamespace(config=SimpleNamespace(getoption=lambda _: option))
    guard = contextmanager(network_guard._get_wrapped_function())
    connect, look_up = socket.socket.connect, socket.getaddrinfo
    with guard(request):
        left_alone = (socket.socket.connect is connect, socket.getaddrinfo is look_up)
    assert left_alone == ((True, True) if option else (False, False))
    assert (socket.socket.connect is connect, socket.getaddrinfo is look_up) == (True, True)
