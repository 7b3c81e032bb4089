from __future__ import annotations

import pytest

from pipeline.base.strict_yaml import Strict, parse_yaml, read_yaml
from pipeline.errors import RequestError


class Inner(Strict):
    size: int


class Config(Strict):
    name: str
    inner: Inner = Inner(size=1)


def message_of(text: str) -> str:
    with pytest.raises(RequestError) as caught:
        parse_yaml(text, Config, origin="job.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_reads_a_file_as_its_model(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: é\ninner: {size: 3}\n", encoding="utf-8")
    assert read_yaml(path, Config) == Config(name="é", inner=Inner(size=3))


def test_unknown_key_is_named_with_its_file():
    said = message_of("name: a\nnmae: b\n")
    assert "job.yaml" in said
    assert "key nmae" in said
    assert "not a known key" in said


def test_wrong_type_names_the_nested_key_and_what_was_expected():
    said = message_of("name: a\ninner: {size: big}\n")
    assert "key inner.size" in said
    assert "integer" in said


def test_every_wrong_key_is_said_at_once():
    said = message_of("other: 1\n")
    assert "key name: required, but missing" in said
    assert "key other" in said


@pytest.mark.parametrize("text", ["", "# only a comment\n", "[]\n"])
def test_empty_file_lacks_its_keys(text):
    assert "key name: required, but missing" in message_of(text)


def test_a_list_is_no_mapping():
    assert "key (root)" in message_of("- a\n")


def test_syntax_error_names_the_line():
    assert "job.yaml:2: not valid YAML" in message_of("name: a\nb: c: d\n")


def test_line_counts_from_where_the_text_stands():
    with pytest.raises(RequestError, match=r"x\.sql:12: not valid YAML"):
        parse_yaml("name: a\nb: [\n", Config, origin="x.sql", first_line=10)


@pytest.mark.parametrize("text", ["name: 2013-13-45\n", "name: \x00\n", "name: !!python/name:os.system\n"])
def test_values_that_yaml_cannot_make_are_request_errors(text):
    assert message_of(text).startswith("job.yaml")


def test_missing_file_is_a_request_error(tmp_path):
    with pytest.raises(RequestError, match=r"none\.yaml: cannot be read"):
        read_yaml(tmp_path / "none.yaml", Config)


def test_a_folder_and_binary_content_are_request_errors(tmp_path):
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "b.yaml"):
        with pytest.raises(RequestError, match="cannot be read"):
            read_yaml(path, Config)


def test_what_was_read_does_not_change():
    config = parse_yaml("name: a", Config, origin="x")
    with pytest.raises(ValueError, match="frozen"):
        config.name = "b"
