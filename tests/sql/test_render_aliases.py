from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import RequestError
from pipeline.sql import Asset, TableName, render
from pipeline.sql.header import Header

ITEMS, OTHERS = TableName("my-project", "ml", "items"), TableName("my-project", "ml", "others")
MOMENT = datetime(2013, 7, 1, tzinfo=UTC)
SNAPSHOT = "`my-project.ml.items` FOR SYSTEM_TIME AS OF TIMESTAMP '2013-07-01 00:00:00.000000+00'"


def rendered(body: str, sources: frozenset[str] = frozenset({"items"})) -> str:
    header = Header(description="x", identifiers={"items": "table", "others": "table"}, changes={"v1": "x"})
    asset = Asset("a_v1", Path("a_v1.sql"), header, f"{body} -- `{{others}}`", body)
    return render(asset, {"items": ITEMS, "others": OTHERS}, {}, snapshot_at=MOMENT, snapshot_of=sources).sql


@pytest.mark.parametrize(
    "body",
    [
        "SELECT i.id FROM `{items}` AS i",
        "SELECT i.id FROM `{items}` as i",
        "SELECT i.id FROM `{items}` i WHERE i.id > 0",
        "SELECT i.id FROM `{items}` `i`",
        "SELECT i.id FROM `{items}`\n  AS i",
        "SELECT i.id FROM `{items}` /* all */ -- of them\n i",
    ],
)
def test_an_alias_behind_a_source_is_refused(body):
    with pytest.raises(RequestError, match=r"a_v1\.sql:\d: source items has the alias \w+ - read it in a separate CTE"):
        rendered(body)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        " WHERE id > 0",
        "\nGROUP BY id",
        ")",
        ";",
        ", x",
        " join x USING (id)",
        " Left JOIN x ON TRUE",
        " ORDER BY id",
        " TABLESAMPLE SYSTEM (10 PERCENT)",
        " UNPIVOT (x FOR y IN (a, b))",
        " -- the items\nWHERE id > 0",
    ],
)
def test_a_source_without_an_alias_is_read_at_the_snapshot(rest):
    assert rendered(f"SELECT id FROM `{{items}}`{rest}").startswith(f"SELECT id FROM {SNAPSHOT}{rest}")


def test_an_alias_behind_another_table_is_none_of_its_business():
    assert "`my-project.ml.others` AS o" in rendered("SELECT 1 FROM `{items}` CROSS JOIN `{others}` AS o")
    assert "`my-project.ml.items` AS i" in rendered("SELECT 1 FROM `{items}` AS i", frozenset())


@pytest.mark.parametrize(
    "left",
    [
        "-- reads `{items}` it's all\n",
        '# `{items}` "of\n',
        "/* `{items}` as\n `{others}` */",
        "SELECT '`{items}` x', ",
        'SELECT "`{items}` x", ',
        "SELECT '''it's `{items}`\n x''', ",
        "SELECT r'\\'`{items}` x', ",
        "SELECT `a{items}`, ",
        "-- `{nothing}` is no identifier\n",
    ],
)
def test_comments_and_texts_are_left_alone(left):
    text = rendered(f"{left}id FROM `{{items}}`")
    assert text.startswith(f"{left}id FROM {SNAPSHOT}")


def test_parameters_in_comments_and_texts_are_left_alone():
    header = Header(description="x", parameters={"day": "DATE"}, changes={"v1": "x"})
    body = "SELECT @day, '@day', @@day -- @day\n"
    statement = render(Asset("a_v1", Path("a_v1.sql"), header, body, body), {}, {"day": None}, suffix="_2")
    assert statement.sql == "SELECT @day_2, '@day', @@day -- @day\n"


def test_lines_count_nested_queries_in_code_only():
    inner = render(Asset("b_v1", Path("b.sql"), Header(description="x", changes={"v1": "x"}), "SELECT 1\n", ""), {}, {})
    header = Header(description="x", identifiers={"items": "query"}, changes={"v1": "x"})
    body = "-- `{items}`\nSELECT *\nFROM `{items}`\nWHERE TRUE\n"
    statement = render(Asset("a_v1", Path("a.sql"), header, body, body, first_line=7), {"items": inner}, {})
    origins = [f"{path}:{line}" for path, line in statement.lines]
    assert origins == ["a.sql:7", "a.sql:8", "a.sql:9", "b.sql:1", "a.sql:9", "a.sql:10"]
    assert len(statement.sql.splitlines()) == len(origins)
