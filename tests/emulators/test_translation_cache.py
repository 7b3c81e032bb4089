from __future__ import annotations

from datetime import date

import pytest
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.domain.result import Err, Ok
from bqemulator.sql.translator import SQLTranslator

from pipeline.emulators.translation import TABLE, remembering
from pipeline.operate.sql.rehearsal import Rehearsal
from pipeline.project.project import Project
from pipeline.runs.session import Session
from tests.operate.sql.conftest import TARGET
from tests.support.integration_fixtures import ROOT

FIRST = "SELECT a.x FROM `my-project.ml.runs_1` AS a JOIN `my-project.ml.labels_1` AS b USING (x)"
SECOND = "SELECT a.x FROM `my-project.tests.runs_2` AS a JOIN `my-project.tests.labels_2` AS b USING (x)"


@pytest.fixture
def translator():
    return SQLTranslator()


def counted(translate=SQLTranslator.translate):
    seen = []

    def counting(translator, sql, **options):
        seen.append(sql)
        return translate(translator, sql, **options)

    return seen, remembering(counting)


def test_statements_of_other_tables_are_translated_once(translator):
    seen, translate = counted()
    schemas = [{f"runs_{number}": {"x": "BIGINT"}, f"labels_{number}": {"x": "BIGINT"}} for number in (1, 2)]
    for sql, schema in zip((FIRST, SECOND), schemas, strict=True):
        assert translate(translator, sql, schema=schema) == SQLTranslator.translate(translator, sql, schema=schema)
    assert len(seen) == 1
    assert translate(translator, SECOND, schema=schemas[1] | {"runs_2": {"x": "DECIMAL(38, 9)"}})
    assert len(seen) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT runs_1.x FROM `my-project.ml.runs_1`",  # called by a part of its name
        "SELECT x, 'zz0zz' AS y FROM `my-project.ml.runs_1`",
        "SELECT '`my-project.ml.runs_1`' AS x FROM `my-project.ml.runs_1`",
        "SELECT 1",
    ],
)
def test_ambiguous_names_bypass_the_cache_of_translations(translator, sql):
    seen, translate = counted()
    assert translate(translator, sql) == SQLTranslator.translate(translator, sql)
    assert seen[-1] == sql


def qualifying(_, sql, **options):
    """As the emulator does in long statements: a table's name is its alias as well, without quotes."""
    project, dataset, table = TABLE.search(sql).groups()
    return Ok(f'SELECT {table}.x, {table}.y FROM "{project}"."{dataset}"."{table}" AS {table}')


def test_names_that_are_aliases_are_put_back_without_quotes(translator):
    seen, translate = counted(qualifying)
    for table in ("runs_1", "runs_2"):
        sql = f"SELECT x, y FROM `my-project.ml.{table}`"
        assert translate(translator, sql) == qualifying(translator, sql)
    assert len(seen) == 1
    sql = "SELECT x, y FROM `my-project.ml.runs-3`"
    assert translate(translator, sql) == qualifying(translator, sql)
    assert seen[-1] == sql  # what comes of a name that needs quotes is the emulator's to say


def test_names_of_functions_are_restored_in_capitals(translator):
    sqls = [f"SELECT `my-project.ml.loss_{number}`(x) AS y FROM `my-project.ml.runs`" for number in (1, 2)]
    seen, translate = counted(lambda _, sql, **__: Ok(TABLE.sub(lambda name: f'"{name[0][1:-1].upper()}"', sql)))
    assert [translate(translator, sql).value for sql in sqls] == [
        f'SELECT "MY-PROJECT.ML.LOSS_{number}"(x) AS y FROM "MY-PROJECT.ML.RUNS"' for number in (1, 2)
    ]
    assert len(seen) == 1


def test_a_mistake_is_told_of_the_statement_itself(translator):
    failed = InvalidQueryError("not so")
    seen, translate = counted(lambda *_, **__: Err(failed))
    assert translate(translator, FIRST) == Err(failed)
    assert seen[-1] == FIRST


def test_who_asks_is_part_of_what_is_remembered(translator):
    seen, translate = counted(lambda _, sql, **options: Ok(f"{options['caller']}: {sql}"))
    assert translate(translator, "SELECT 1", caller="a") == Ok("a: SELECT 1")
    for caller in ("a", "b", "a"):
        translate(translator, FIRST, caller=caller)
    assert len({sql for sql in seen if "zz0zz" in sql}) == 1


def sent(job, day, **datasets):
    """Every statement of a job's life, and the statements that stand in others."""
    project = Project(ROOT)
    rehearsal = Rehearsal.of(Session.open(project, TARGET.model_copy(update=datasets)), project.job(job), day)
    return [statement.sql for statement in (*rehearsal.sent(), *rehearsal.parts())]


@pytest.mark.long
@pytest.mark.parametrize("job", ["flight_delay", "item_recommend"])
def test_statements_of_a_run_translate_as_without_the_cache(translator, job):
    seen, translate = counted()
    for sql in sent(job, date(2013, 7, 1)):
        translate(translator, sql)
    before = len(seen)
    again = sent(job, date(2014, 8, 2), dataset="other", runs_dataset="other_runs", ledger_dataset="other_ledger")
    assert [sql for sql in again if translate(translator, sql) != SQLTranslator.translate(translator, sql)] == []
    assert len(seen) - before < len(again) / 4  # the others have no memory to differ from
