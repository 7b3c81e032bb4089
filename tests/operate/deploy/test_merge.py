from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from pipeline.operate.deploy import merge
from pipeline.operate.deploy.merge import main, merged_access, merged_lifecycle


def view(dataset: str, project: str = "p") -> dict:
    return {"dataset": {"dataset": {"projectId": project, "datasetId": dataset}, "targetTypes": ["VIEWS"]}}


def rule(prefix: str | None, age: int) -> dict:
    condition = {"age": age} | ({"matchesPrefix": [prefix]} if prefix else {})
    return {"action": {"type": "Delete"}, "condition": condition}


def test_an_entry_is_added_to_the_others():
    current = {"etag": "1", "labels": {"a": "b"}, "access": [{"role": "OWNER", "userByEmail": "x"}, view("other")]}
    merged = merged_access(current, {"access": [view("ours")]})
    assert merged == {**current, "access": [*current["access"], view("ours")]}
    assert merged_access(merged, {"access": [view("ours")]}) is None


@pytest.mark.parametrize("other", [view("ours", "q"), view("our")])
def test_an_entry_of_another_dataset_does_not_count(other):
    assert merged_access({"access": [other]}, {"access": [view("ours")]})["access"] == [other, view("ours")]


def test_a_dataset_without_entries_gets_one():
    assert merged_access({}, {"access": [view("ours")]}) == {"access": [view("ours")]}


def test_only_rules_of_the_same_prefix_are_replaced():
    wanted = {"lifecycle": {"rule": [rule("a/", 30), rule("b/", 90)]}}
    current = {"lifecycle": {"rule": [rule("b/", 1), rule(None, 5), rule("c/", 7)]}}
    merged = merged_lifecycle(current, wanted)
    assert merged["lifecycle"]["rule"] == [rule(None, 5), rule("c/", 7), rule("a/", 30), rule("b/", 90)]
    assert merged_lifecycle(merged, wanted) is None
    assert merged_lifecycle({}, wanted) == wanted


def test_a_file_is_written_only_for_a_change(tmp_path, capsys):
    current, wanted, out = (tmp_path / name for name in ("current", "wanted", "out"))
    current.write_text(json.dumps({"etag": "abc", "access": [view("ours")]}))
    wanted.write_text(json.dumps({"access": [view("ours")]}))
    main("access", str(current), str(wanted), str(out))
    assert (out.exists(), capsys.readouterr().out) == (False, "abc")
    current.write_text(json.dumps({"etag": "abd"}))
    main("access", str(current), str(wanted), str(out))
    assert json.loads(out.read_text())["access"] == [view("ours")]


def test_merge_py_runs_on_the_python_of_macos():
    """The syntax is that of Python 3.9: deploy.sh calls any `python3`."""
    text = Path(merge.__file__).read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 9))
    imported = {node.names[0].name for node in tree.body if isinstance(node, ast.Import)}
    modules = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert (imported, modules) == ({"json", "sys"}, {"__future__", "pathlib", "typing"})
