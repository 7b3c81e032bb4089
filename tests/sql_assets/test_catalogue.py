from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.sql_assets import Catalogue
from tests.dummy_project import dummy_project, edit

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
    assert asset.columns.names == ["id", "day"]
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
