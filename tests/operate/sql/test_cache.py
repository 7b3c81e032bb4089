"""The result of an analysis is found again with the same key, and with no other."""

from __future__ import annotations

import errno
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.operate.sql import cache
from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.cache import (
    FOLDER,
    MONTH,
    Analysis,
    AnalysisCache,
    Definition,
    Rejected,
    digest_of_rules,
    machine_folder,
)
from pipeline.operate.sql.engine import COMPILED, Service, open_service
from pipeline.rows.schema import Schema
from tests.operate.sql.conftest import ANALYZER, COLUMNS, TABLE, statement
from tests.support.integration_fixtures import ROOT

QUERY = "SELECT id, name FROM `{items}` WHERE day = @day"
ANALYSIS = Analysis((("id", "INT64"),), Definition.of("a.b.c", b"\x00\xff", partition="day"))


@pytest.fixture
def cache_dir(tmp_path):
    """A folder with the compiled analyzer and no result."""
    open_service(ANALYZER)
    for compiled in ANALYZER.glob(f"{COMPILED}-*.cwasm"):
        (tmp_path / compiled.name).symlink_to(compiled)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """The statements that the analyzer itself resolved."""
    count, resolve = [], Service.resolve

    def counted(self, request, **named):
        count.append(request.sql_statement)
        return resolve(self, request, **named)

    monkeypatch.setattr(Service, "resolve", counted)
    return count


def analyze(cache_dir, *, columns=COLUMNS, kind="DATE", body=QUERY, path="a_v1.sql", **options):
    parameters = {"day": kind} if "@day" in body else {}
    return Analyzer({TABLE: columns}, cache_dir, **options).analyze(
        statement(body, parameters=parameters, path=path, items=TABLE)
    )


def test_the_next_analyzer_finds_a_result(cache_dir, asked):
    first = analyze(cache_dir)
    assert analyze(cache_dir) == first
    assert [column.name for column in first.columns] == ["id", "name"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"body": QUERY.replace("name", "score")},
        {"columns": Schema.parse({"id": "INT64", "day": "DATE", "name": "BOOL"})},
        {"partitions": {TABLE: "day"}},
        {"sources": [TABLE]},
    ],
    ids=["text", "column of a table", "partition", "source"],
)
def test_other_knowledge_is_another_key(cache_dir, asked, other):
    analyze(cache_dir)
    analyze(cache_dir, **other)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [("DATE", "TIMESTAMP"), ([{"a": "STRING", "b": "INT64"}], [{"b": "INT64", "a": "STRING"}])],
    ids=["type", "order of fields"],
)
def test_the_type_of_a_parameter_is_part_of_the_key(cache_dir, asked, one, other):
    body = "SELECT @day AS day" if isinstance(one, str) else "SELECT * FROM UNNEST(@day)"
    found = [Analyzer({}, cache_dir).analyze(statement(body, parameters={"day": kind})) for kind in (one, other, one)]
    assert found[0] == found[2] != found[1]
    assert len(asked) == 2


def test_a_table_is_known_from_the_cache(cache_dir, asked):
    make = "CREATE OR REPLACE TABLE `{made}` PARTITION BY day AS SELECT id, day, [score] AS scores FROM `{items}`"
    made = type(TABLE)("pipeline-local", "ml", "made")

    def both(read):
        analyzer = Analyzer({TABLE: COLUMNS}, cache_dir)
        analyzer.analyze(statement(make, items=TABLE, made=made))
        return analyzer.analyze(statement(read, made=made))

    both("SELECT scores[SAFE_OFFSET(0)] AS first FROM `{made}` WHERE day = '2026-01-01'")
    assert len(asked) == 2
    other = both("SELECT ARRAY_LENGTH(scores) AS length FROM `{made}` WHERE day = '2026-01-01'")
    assert [column.type for column in other.columns] == ["INT64"]
    assert len(asked) == 3
    with pytest.raises(Rejected, match="without a filter on its partition day"):
        both("SELECT scores FROM `{made}`")


def test_a_function_is_known_from_the_cache(cache_dir, asked):
    function = type(TABLE)("pipeline-local", "ml", "twice")
    for number in (1, 2):
        analyzer = Analyzer({TABLE: COLUMNS}, cache_dir)
        create = "CREATE OR REPLACE FUNCTION `{twice}`(x INT64) RETURNS INT64 AS (2 * x)"
        analyzer.analyze(statement(create, path="udf/twice.sql", twice=function))
        analyzer.analyze(statement(f"SELECT `{{twice}}`({number}) AS two", twice=function))
    assert len(asked) == 3


def test_a_table_and_a_function_may_have_one_name(cache_dir):
    name = type(TABLE)("pipeline-local", "ml", "twice")
    analyzer = Analyzer({name: COLUMNS}, cache_dir)
    create = "CREATE OR REPLACE FUNCTION `{twice}`(x INT64) RETURNS INT64 AS (2 * x)"
    analyzer.analyze(statement(create, path="udf/twice.sql", twice=name))
    assert analyzer.analyze(statement("SELECT `{twice}`(id) AS two FROM `{twice}`", twice=name)).names == ["two"]


def test_a_refused_statement_is_analyzed_each_time(cache_dir, asked):
    for _ in range(2):
        with pytest.raises(Rejected, match="Unrecognized name: nothing"):
            analyze(cache_dir, body="SELECT nothing FROM `{items}`")
    assert len(asked) == 2
    assert not (cache_dir / FOLDER).exists()


def test_the_folder_of_the_file_is_part_of_the_key(cache_dir):
    body = "SELECT id FROM `{items}`"
    analyze(cache_dir, body=body)
    with pytest.raises(Rejected, match="udf/ holds all functions"):
        analyze(cache_dir, body=body, path="udf/a.sql")


def test_other_rules_have_other_results(tmp_path, monkeypatch):
    key = {"sql": "SELECT 1"}
    AnalysisCache(tmp_path).keep(key, ANALYSIS)
    assert AnalysisCache(tmp_path).find(key) == ANALYSIS
    monkeypatch.setattr(cache, "RULES", "others")
    assert AnalysisCache(tmp_path).find(key) is None


def test_the_rules_are_the_code_of_the_package(tmp_path):
    package = Path(cache.__file__).parent
    assert digest_of_rules(package) == cache.RULES
    shutil.copytree(package, tmp_path / "copy")
    assert digest_of_rules(tmp_path / "copy") == cache.RULES
    (tmp_path / "copy" / "absent.py").write_text("ABSENT = frozenset()\n")
    assert digest_of_rules(tmp_path / "copy") != cache.RULES


def test_results_of_other_rules_are_removed_after_a_month(tmp_path, monkeypatch):
    for rules, age in (("old", 2 * MONTH), ("new", 0), ("own", 0)):
        monkeypatch.setattr(cache, "RULES", rules)
        AnalysisCache(tmp_path).keep({}, ANALYSIS)
        moment = time.time() - age
        os.utime(tmp_path / FOLDER / rules, (moment, moment))
    assert sorted(folder.name for folder in (tmp_path / FOLDER).iterdir()) == ["new", "own"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anywhere")
def test_a_forbidden_folder_costs_only_time(tmp_path):
    tmp_path.chmod(0o500)
    try:
        AnalysisCache(tmp_path).keep({}, ANALYSIS)
        assert AnalysisCache(tmp_path).find({}) is None
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / FOLDER).write_text("no folder")
    AnalysisCache(tmp_path).keep({}, ANALYSIS)
    assert AnalysisCache(tmp_path).find({}) is None
    (tmp_path / FOLDER).unlink()
    AnalysisCache(tmp_path).keep({}, ANALYSIS)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    AnalysisCache(tmp_path).keep({"other": 1}, ANALYSIS)
    assert len(list((tmp_path / FOLDER / cache.RULES).iterdir())) == 1


BAD_BASE64 = '{"columns": [], "made": {"name": "a", "content": "no base64", "is_function": false}}'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        BAD_BASE64,
        '{"columns": [["a"]], "made": null}',
        '{"columns": 1}',
    ],
)
def test_a_damaged_file_is_written_again(tmp_path, content):
    key = {"sql": "SELECT 1"}
    kept = AnalysisCache(tmp_path)
    kept.keep(key, ANALYSIS)
    (file,) = (tmp_path / FOLDER / cache.RULES).iterdir()
    file.write_text(content)
    assert kept.find(key) is None
    kept.keep(key, ANALYSIS)
    assert kept.find(key) == ANALYSIS
    assert list(file.parent.iterdir()) == [file]
    assert json.loads(file.read_text())["columns"] == [["id", "INT64"]]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of Linux without a named cache directory."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return tmp_path / "home"


def test_checkouts_share_a_folder_of_the_user(tmp_path, home, monkeypatch):
    folder = machine_folder(tmp_path / "local")
    assert folder == home / ".cache" / "bigquery-batch-ml" / "analyzer"
    assert folder.stat().st_mode & 0o777 == 0o700  # what is in it is run
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine_folder(tmp_path / "local") == home / "Library" / "Caches" / "bigquery-batch-ml" / "analyzer"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert machine_folder(tmp_path / "local") == tmp_path / "caches" / "bigquery-batch-ml" / "analyzer"


@pytest.mark.parametrize("value", ["", None], ids=["empty", "unset"])
def test_without_home_the_folder_is_that_of_the_user(tmp_path, home, monkeypatch, value):
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path / "entry")))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    if value is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", value)
    folder = machine_folder(tmp_path / "local")
    assert folder == tmp_path / "entry" / ".cache" / "bigquery-batch-ml" / "analyzer"


def test_a_checkout_has_its_own_folder_if_there_is_no_other(tmp_path, home, monkeypatch):
    home.write_text("no folder")
    assert machine_folder(tmp_path / "local") == tmp_path / "local" / "analyzer"

    def unknown(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME")
    assert machine_folder(tmp_path / "local") == tmp_path / "local" / "analyzer"
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert machine_folder(tmp_path / "local") == tmp_path / "local" / "analyzer"


def test_a_result_is_found_without_importing_the_analyzer(tmp_path):
    program = """
import sys
from pathlib import Path
sys.modules["zetasql"] = sys.modules["wasmtime"] = None  # importing one fails
from pipeline.operate.sql import check
from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.cache import Analysis, AnalysisCache
from pipeline.sql import Asset
from pipeline.sql.header import Header

asset = Asset("a_v1", Path("a_v1.sql"), Header(description="x", changes={"v1": "x"}), "SELECT 1", "SELECT 1")
AnalysisCache(Path(sys.argv[1])).keep({"parsed": asset.body}, Analysis())
Analyzer({}, Path(sys.argv[1])).parse(asset)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=ROOT)
