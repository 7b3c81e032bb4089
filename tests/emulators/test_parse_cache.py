from __future__ import annotations

import asyncio
import contextlib
from copy import deepcopy
from types import SimpleNamespace

import pytest
import sqlglot
from bqemulator.catalog import ddl_sync
from bqemulator.jobs import executor, routine_ddl
from bqemulator.sql import catalog_schema
from sqlglot import exp

from pipeline.emulators import concurrent_dml, scanned_bytes
from pipeline.emulators.translation import READERS, cached_parser, quick_copies, without_places


def test_a_text_is_parsed_once_for_each_dialect():
    parsed = []

    def parse(sql, **options):
        parsed.append((sql, options))
        return sqlglot.parse_one(sql, **options)

    parser = cached_parser(parse)
    assert parser("SELECT 1", read="bigquery") == parser("SELECT 1", read="bigquery")
    parser("SELECT 1", read="duckdb")
    assert parsed == [("SELECT 1", {"read": "bigquery"}), ("SELECT 1", {"read": "duckdb"})]


def test_what_a_caller_does_to_its_tree_is_not_remembered():
    parser = cached_parser(sqlglot.parse_one)
    parser("SELECT a FROM t").find(exp.Column).replace(exp.column("b"))
    assert parser("SELECT a FROM t").sql() == "SELECT a FROM t"


def test_copies_lose_comments_and_positions_only():
    tree = sqlglot.parse_one("SELECT /* said */ a FROM t -- more", read="bigquery")
    tree.find(exp.Column).meta["kept"] = [1]
    without_places(tree)
    assert all(node.comments is None for node in tree.walk())
    assert [node.meta for node in tree.walk() if node._meta] == [{"kept": [1]}]
    assert tree.sql(dialect="bigquery") == "SELECT a FROM t"


CONTEXT = SimpleNamespace(
    catalog=SimpleNamespace(get_table=lambda *_: None), engine=SimpleNamespace(write_lock=contextlib.nullcontext)
)
LOOKS = {
    "_detect_create_schema": lambda sql: ddl_sync._detect_create_schema(sql, "p"),
    "_detect_catalog_drop": ddl_sync._detect_catalog_drop,
    "_detect_plain_create_table": ddl_sync._detect_plain_create_table,
    "_detect_plain_create_view": lambda sql: [
        found.sql() for found in ddl_sync._detect_plain_create_view(sql) if found
    ],
    "detect_drop_routine": lambda sql: routine_ddl.detect_drop_routine(sql, "p"),
    "_capture_dml_snapshots": lambda sql: asyncio.run(executor._capture_dml_snapshots("p", sql, CONTEXT)),
    "_reject_dml_on_immutable": lambda sql: executor._reject_dml_on_immutable("p", sql, CONTEXT),
    "_parse_for_classification": executor.classify_statement_type,
    "build_catalog_schema": lambda sql: catalog_schema.build_catalog_schema(
        sql, project_id="p", catalog=CONTEXT.catalog
    ),
    "changed_table": lambda sql: concurrent_dml.changed_table(sql, "p"),
    "reads_of": lambda sql: scanned_bytes.reads_of(sql, "p"),
}
STATEMENTS = [
    "CREATE SCHEMA p.s",
    "CREATE OR REPLACE TABLE `p.s.t` (a INT64) PARTITION BY a OPTIONS (description = 'x') AS SELECT 1 AS a",
    "CREATE OR REPLACE VIEW `p.s.v` AS SELECT a FROM `p.s.t` WHERE a > 1",
    "DROP TABLE `p.s.t`",
    "DROP FUNCTION `p.s.f`",
    "INSERT INTO `p.s.t` (a) SELECT a FROM s.u",
    "UPDATE `p.s.t` SET a = 2 WHERE TRUE",
    "DELETE `p.s.t` WHERE TRUE",
    "MERGE `p.s.t` AS t USING s.u ON FALSE WHEN NOT MATCHED THEN INSERT ROW",
    "WITH w AS (SELECT a FROM `p.s.t`) SELECT a FROM w",
]


@pytest.mark.parametrize("reader", LOOKS)
def test_who_only_looks_changes_nothing(monkeypatch, reader):
    given = []

    def parse(sql, **options):
        given.append(sqlglot_parse(sql, **options))
        return given[-1]

    sqlglot_parse = sqlglot.parse_one
    monkeypatch.setattr(sqlglot, "parse_one", cached_parser(parse))
    for sql in STATEMENTS:
        LOOKS[reader](sql)
        (tree,) = given
        assert repr(tree) == repr(without_places(sqlglot_parse(sql, read="bigquery")))
        given.clear()


def test_every_reader_is_looked_at():
    assert set(LOOKS) == READERS


@pytest.mark.parametrize("holder", [None, 0, "held"], ids=["itself", "in a list", "in a dictionary"])
def test_places_are_copied_and_everything_else_as_ever(holder):
    copied, places = quick_copies(deepcopy), {"line": 1}
    assert copied(places) == places
    assert copied(places) is not places
    tree = sqlglot.parse_one("SELECT a FROM t")
    holding = {None: tree, 0: [tree], "held": {"held": tree}}[holder]
    copy = copied(holding, {})
    found = copy if holder is None else copy[holder]
    assert found == tree
    assert found is not tree
