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
    ],
)
def test_an_alias_behind_a_source_is_refused(body):
    with pytest.raises(RequestError, match=r"a_v1\.sql: source items has the alias \w+ - read it in a separate CTE"):
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
    ],
)
def test_a_source_without_an_alias_is_read_at_the_snapshot(rest):
    assert rendered(f"SELECT id FROM `{{items}}`{rest}").startswith(f"SELECT id FROM {SNAPSHOT}{rest}")


def test_an_alias_behind_another_table_is_none_of_its_business():
    assert "`my-project.ml.others` AS o" in rendered("SELECT 1 FROM `{items}` CROSS JOIN `{others}` AS o")
    assert "`my-project.ml.items` AS i" in rendered("SELECT 1 FROM `{items}` AS i", frozenset())
