from __future__ import annotations

import sqlglot
from sqlglot import exp

from pipeline.local.parse_cache import cached_parser, without_places


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


def test_copies_have_no_comments_and_no_places_and_keep_what_else_is_known_of_a_word():
    tree = sqlglot.parse_one("SELECT /* said */ a FROM t -- more", read="bigquery")
    tree.find(exp.Column).meta["kept"] = [1]
    without_places(tree)
    assert all(node.comments is None for node in tree.walk())
    assert [node.meta for node in tree.walk() if node._meta] == [{"kept": [1]}]
    assert tree.sql(dialect="bigquery") == "SELECT a FROM t"
