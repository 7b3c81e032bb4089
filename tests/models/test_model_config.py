from __future__ import annotations

import pytest

from pipeline.base.strict_yaml import parse_yaml
from pipeline.errors import RequestError
from pipeline.model_config import ModelConfig


def parse(text):
    return parse_yaml(text, ModelConfig, origin="v.yaml")


def test_reads_class_parameters_and_columns():
    config = parse("{model: 'a.b:C', params: {depth: 3}, columns: {key: [id], label: y, weight: w}}")
    assert (config.model, config.params) == ("a.b:C", {"depth": 3})
    assert config.columns.model_dump() == {"key": ["id"], "label": "y", "weight": "w"}


def test_parameters_label_and_weight_may_be_left_out():
    config = parse("{model: 'a:C', columns: {key: [id]}}")
    assert (config.params, config.columns.label, config.columns.weight) == ({}, None, None)


@pytest.mark.parametrize("model", ["a.b", "a.b:", ":C", "a.b:C.d", "a/b:C", "a b:C", "1a:C", "a:C()", "a:C\\n"])
def test_what_is_no_import_path_is_refused(model):
    with pytest.raises(RequestError, match="key model"):
        parse(f'{{model: "{model}", columns: {{key: [id]}}}}')


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{model: 'a:C', columns: {key: []}}", "columns.key"),
        ("{model: 'a:C', columns: {key: [id], lable: y}}", "columns.lable"),
        ("{model: 'a:C', parms: {}, columns: {key: [id]}}", "parms"),
        ("{model: 'a:C'}", "columns"),
    ],
)
def test_wrong_keys_are_named(text, key):
    with pytest.raises(RequestError, match=f"key {key}:"):
        parse(text)
