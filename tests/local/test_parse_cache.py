from __future__ import annotations

from copy import deepcopy

import sqlglot
from sqlglot import exp

from pipeline.local.parse_cache import cached_parser, copier_of_trees


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


def test_places_in_the_text_are_copied_and_everything_else_by_the_copier_it_stands_for():
    asked = []
    copy = copier_of_trees(lambda value: asked.append(value) or deepcopy(value))
    place, nested, comments = {"line": 1, "quoted": True, "name": "a"}, {"held": [1]}, [" said "]
    for value in (place, nested, comments):
        assert copy(value) == value
        assert copy(value) is not value
    assert copy(nested)["held"] is not nested["held"]
    assert place not in asked
