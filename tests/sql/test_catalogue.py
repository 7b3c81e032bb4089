from __future__ import annotations

import re
import tomllib

import pytest

from pipeline.errors import RequestError
from pipeline.project.project import Project
from pipeline.sql import Catalogue
from pipeline.sql.catalogue import ENGINE_FOLDERS
from tests.support.dummy_project import dummy_project, edit
from tests.support.integration_fixtures import ROOT

EXAMPLES = "dummy/preprocess/examples_v1"
METRICS = "metrics/binary_classification_v1"


@pytest.fixture
def root(tmp_path):
    with dummy_project(tmp_path) as root:
        yield root


def test_asset_is_found_by_name_and_read_once(root):
    catalogue = Catalogue(root)
    asset = catalogue.get(EXAMPLES)
    assert asset.path == root / "sql/dummy/preprocess/examples_v1.sql"
    assert asset.columns.names == ["id", "day", "example_as_of"]
    assert asset.text == asset.path.read_text()
    assert catalogue.get(EXAMPLES) is asset


def test_missing_file_is_named(root):
    with pytest.raises(RequestError, match=r"examples_v2\.sql: SQL file cannot be read - check the version"):
        Catalogue(root).get("dummy/preprocess/examples_v2")


def test_digest_is_that_of_the_body_alone(root):
    path = root / f"sql/{EXAMPLES}.sql"
    before = Catalogue(root).get(EXAMPLES).digest
    edit(path, "description: Examples.", "description: Rows.")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Catalogue(root).get(EXAMPLES).digest == before
    edit(path, "SELECT id", "SELECT  id")
    assert Catalogue(root).get(EXAMPLES).digest != before


def test_digest_covers_the_functions_that_the_body_names(root):
    before = Catalogue(root).get(METRICS)
    assert [function.name for function in before.functions] == ["udf/half"]
    edit(root / "udf/half.sql", "SELECT 0.5", "SELECT 0.25")
    assert Catalogue(root).get(METRICS).digest != before.digest


def test_missing_function_is_named(root):
    (root / "udf/half.sql").unlink()
    with pytest.raises(RequestError, match=r"half\.sql: SQL file cannot be read"):
        Catalogue(root).get(METRICS)


def test_functions_are_listed_by_name(root):
    (root / "udf/a_first.sql").write_text((root / "udf/half.sql").read_text())
    assert Catalogue(root).function_names() == ["a_first", "half"]


def test_every_asset_of_this_repository_can_be_read(pytestconfig):
    catalogue, sql = Catalogue(pytestconfig.rootpath), pytestconfig.rootpath / "sql"
    names = [str(path.relative_to(sql).with_suffix("")) for path in sorted(sql.rglob("*.sql"))]
    assert len({catalogue.get(name).digest for name in names}) == len(names) > 10


@pytest.mark.parametrize("called", ["half", "twice"])
def test_a_function_that_calls_a_function_is_refused(root, called):
    for name in ("twice", "again"):
        (root / f"udf/{name}.sql").write_text((root / "udf/half.sql").read_text())
    edit(root / "udf/again.sql", "{function: name}", f"{{function: name, {called}: function}}")
    with pytest.raises(RequestError, match=r"udf/again\.sql: a function that calls a function - write the expression"):
        Catalogue(root).function("again")


def test_at_most_five_functions_stand_in_this_repository(pytestconfig):
    names = sorted(path.name for path in (pytestconfig.rootpath / "udf").rglob("*") if path.is_file())
    assert names == [f"{name}.sql" for name in Catalogue(pytestconfig.rootpath).function_names()]
    assert 0 < len(names) <= 5


@pytest.mark.parametrize(
    "name", ["Half", "h-alf", "1half", "_half", "h alf", "half.v1", "h\u00e4lf", "h" * 101, "half\n", "", "../half"]
)
def test_wrong_names_of_functions_are_refused(root, name):
    with pytest.raises(RequestError, match=r"\.sql: not the name of a function - use small letters, digits and _"):
        Catalogue(root).function(name)
    with pytest.raises(RequestError, match="not the name of a function"):
        Catalogue(root).any(f"udf/{name}")


def test_a_function_in_a_folder_below_is_refused(root):
    (root / "udf/more").mkdir()
    (root / "udf/more/half.sql").write_text((root / "udf/half.sql").read_text())
    catalogue = Catalogue(root)
    assert "udf/more/half" in catalogue.names()
    with pytest.raises(RequestError, match=r"udf/more/half\.sql: not the name of a function"):
        catalogue.any("udf/more/half")


@pytest.mark.parametrize("name", ["", "labels", "labels_v0", "labels_v01", "Labels_v1", "../labels_v1", "labels@v1"])
def test_wrong_names_of_versions_are_refused(root, name):
    with pytest.raises(
        RequestError, match=r"not the name of a version - write e\.g\. flight_delay/preprocess/examples_v1"
    ):
        Catalogue(root).get(name)


def test_what_a_project_lacks_comes_with_the_engine(root):
    catalogue = Catalogue(root)
    assert catalogue.get("ledger/events_v1").path == ROOT / "sql/ledger/events_v1.sql"
    assert catalogue.function("binary_log_loss").path == ROOT / "udf/binary_log_loss.sql"
    assert catalogue.get("phases/examples_v1").path == root / "sql/phases/examples_v1.sql"
    assert "ranking" in catalogue.families()
    assert set(catalogue.all_function_names()) == {"half", "binary_log_loss"}
    assert "ledger/events_v1" not in catalogue.names()


def test_jobs_of_the_checkout_are_none_of_the_engine(root):
    with pytest.raises(RequestError, match=rf"{re.escape(str(root))}.*labels_v1\.sql: SQL file cannot"):
        Catalogue(root).get("flight_delay/evaluate/labels_v1")


def test_the_package_has_all_of_the_engines_sql():
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    jobs = Project(ROOT).job_names()
    folders = {path.name for path in (ROOT / "sql").iterdir() if path.is_dir()} - set(jobs)
    assert folders == set(ENGINE_FOLDERS)
    assert set(included["force-include"]) == {*(f"sql/{name}" for name in folders), "udf"}


@pytest.mark.parametrize("name", ["my-job/preprocess/examples_v1", "Job/examples_v1", "dummy/examples", "a/b_v01"])
def test_a_file_that_is_not_named_like_a_version_is_told_the_rule(root, name):
    path = root / "sql" / f"{name}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("SELECT 1", encoding="utf-8")
    catalogue = Catalogue(root)
    assert catalogue.misnamed() == [path]
    assert name not in catalogue.well_named()
    with pytest.raises(
        RequestError, match=rf"{name}\.sql: not the name of a version - write <name>_v<N>\.sql in small"
    ):
        catalogue.names()


def test_a_byte_order_mark_is_no_part_of_a_statement(root):
    name = "dummy/preprocess/examples_v1"
    path, before = root / "sql" / f"{name}.sql", Catalogue(root).get(name)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Catalogue(root).get(name) == before
    path.write_bytes(before.text.encode("utf-16"))
    with pytest.raises(RequestError, match=rf"{name}\.sql: .* byte-order mark is that of UTF-16 - save it as UTF-8"):
        Catalogue(root).get(name)
