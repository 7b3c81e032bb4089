"""What is learnt of a statement is found again with the same knowledge, and with no other."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from pipeline.operate.sql import memory
from pipeline.operate.sql.analyzer import Analyzer, Rejected
from pipeline.operate.sql.engine import COMPILED, Service
from pipeline.operate.sql.memory import DAY, FOLDER, Learnt, Made, Memory, digest_of_rules
from pipeline.rows.schema import Schema
from tests.operate.sql.conftest import ANALYZER, COLUMNS, TABLE, statement

QUERY = "SELECT id, name FROM `{items}` WHERE day = @day"
LEARNT = Learnt((("id", "INT64"),), Made.of("a.b.c", b"\x00\xff", partition="day"))


@pytest.fixture
def cache_dir(tmp_path):
    """A folder with the compiled analyzer, in which nothing was learnt yet."""
    (tmp_path / COMPILED).symlink_to(ANALYZER / COMPILED)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """How often the analyzer itself was asked."""
    count, resolve = [], Service.resolve

    def counted(self, request, **named):
        count.append(request.sql_statement)
        return resolve(self, request, **named)

    monkeypatch.setattr(Service, "resolve", counted)
    return count


def learn(cache_dir, *, columns=COLUMNS, kind="DATE", body=QUERY, path="a_v1.sql", **known):
    parameters = {"day": kind} if "@day" in body else {}
    return Analyzer({TABLE: columns}, cache_dir, **known).analyze(
        statement(body, parameters=parameters, path=path, items=TABLE)
    )


def test_what_was_learnt_is_found_by_the_next(cache_dir, asked):
    first = learn(cache_dir)
    assert learn(cache_dir) == first
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
def test_with_other_knowledge_nothing_was_learnt(cache_dir, asked, other):
    learn(cache_dir)
    learn(cache_dir, **other)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [("DATE", "TIMESTAMP"), ([{"a": "STRING", "b": "INT64"}], [{"b": "INT64", "a": "STRING"}])],
    ids=["type", "order of fields"],
)
def test_with_another_type_of_a_parameter_nothing_was_learnt(cache_dir, asked, one, other):
    body = "SELECT @day AS day" if isinstance(one, str) else "SELECT * FROM UNNEST(@day)"
    found = [Analyzer({}, cache_dir).analyze(statement(body, parameters={"day": kind})) for kind in (one, other, one)]
    assert found[0] == found[2] != found[1]
    assert len(asked) == 2


def test_what_a_statement_makes_is_known_without_asking(cache_dir, asked):
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


def test_a_function_is_known_without_asking(cache_dir, asked):
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


def test_a_statement_that_is_refused_is_analyzed_each_time(cache_dir, asked):
    for _ in range(2):
        with pytest.raises(Rejected, match="Unrecognized name: nobody"):
            learn(cache_dir, body="SELECT nobody FROM `{items}`")
    assert len(asked) == 2
    assert not (cache_dir / FOLDER).exists()


def test_a_text_that_passed_is_refused_where_functions_stand(cache_dir):
    body = "SELECT id FROM `{items}`"
    learn(cache_dir, body=body)
    with pytest.raises(Rejected, match="stand in udf/"):
        learn(cache_dir, body=body, path="udf/a.sql")


def test_with_other_rules_nothing_was_learnt(tmp_path, monkeypatch):
    known = {"sql": "SELECT 1"}
    Memory(tmp_path).keep(known, LEARNT)
    assert Memory(tmp_path).find(known) == LEARNT
    monkeypatch.setattr(memory, "RULES", "others")
    assert Memory(tmp_path).find(known) is None


def test_the_rules_are_the_code_of_the_package(tmp_path):
    package = Path(memory.__file__).parent
    assert digest_of_rules(package) == memory.RULES
    shutil.copytree(package, tmp_path / "copy")
    assert digest_of_rules(tmp_path / "copy") == memory.RULES
    (tmp_path / "copy" / "absent.py").write_text("ABSENT = frozenset()\n")
    assert digest_of_rules(tmp_path / "copy") != memory.RULES


def test_what_other_rules_learnt_is_removed_after_a_day(tmp_path, monkeypatch):
    for rules, age in (("old", 2 * DAY), ("new", 0), ("own", 0)):
        monkeypatch.setattr(memory, "RULES", rules)
        Memory(tmp_path).keep({}, LEARNT)
        moment = time.time() - age
        os.utime(tmp_path / FOLDER / rules, (moment, moment))
    assert sorted(each.name for each in (tmp_path / FOLDER).iterdir()) == ["new", "own"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anywhere")
def test_a_folder_that_may_not_be_used_costs_time_only(tmp_path):
    tmp_path.chmod(0o500)
    try:
        Memory(tmp_path).keep({}, LEARNT)
        assert Memory(tmp_path).find({}) is None
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_that_is_full_or_a_file_in_the_way_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / FOLDER).write_text("no folder")
    Memory(tmp_path).keep({}, LEARNT)
    assert Memory(tmp_path).find({}) is None
    (tmp_path / FOLDER).unlink()
    Memory(tmp_path).keep({}, LEARNT)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    Memory(tmp_path).keep({"other": 1}, LEARNT)
    assert len(list((tmp_path / FOLDER / memory.RULES).iterdir())) == 1


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
def test_a_file_of_no_use_is_written_again(tmp_path, content):
    known = {"sql": "SELECT 1"}
    kept = Memory(tmp_path)
    kept.keep(known, LEARNT)
    (file,) = (tmp_path / FOLDER / memory.RULES).iterdir()
    file.write_text(content)
    assert kept.find(known) is None
    kept.keep(known, LEARNT)
    assert kept.find(known) == LEARNT
    assert list(file.parent.iterdir()) == [file]
    assert json.loads(file.read_text())["columns"] == [["id", "INT64"]]
