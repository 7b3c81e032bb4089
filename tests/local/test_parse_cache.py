from __future__ import annotations

import sqlglot
from sqlglot import exp

from pipeline.local.parse_cache import cached_parser


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
