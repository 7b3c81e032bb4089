from __future__ import annotations

import inspect
import re

import sqlglot
from bqemulator.sql.rules import get_all_rules
from sqlglot import exp

from pipeline.emulators.translation import LEAVES, without_leaves


def test_rules_are_asked_about_everything_but_leaves():
    asked = []
    apply = without_leaves(lambda *word: asked.append(type(word[1])) or True)
    tree = sqlglot.parse_one("SELECT SUM(a) AS b, 1 FROM t", read="bigquery")
    assert [apply(None, node, tree) for node in tree.walk()].count(True) == len(asked)
    assert {exp.Select, exp.Sum, exp.Table} <= set(asked)
    assert not set(asked) & set(LEAVES)


def test_no_rule_of_the_emulator_is_about_a_leaf():
    """What a rule looks at first is the kind of the word; a rule about a leaf would have to name it."""
    words = "|".join(leaf.__name__ for leaf in LEAVES)
    for rule in get_all_rules():
        asked = inspect.getsource(type(rule).applies_to)
        assert not re.search(rf"isinstance\(node, (\(?[\w., ]*)exp\.({words})\b", asked), rule.name
        assert getattr(rule, "node_type", exp.Func) not in LEAVES, rule.name
        for leaf in (exp.to_identifier("a"), exp.column("a", "t"), exp.Literal.string("a"), exp.alias_("a", "b")):
            assert not rule.applies_to(leaf), rule.name
