from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.base import strict_yaml
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


class Kinds(Strict):
    text: str = ""
    texts: list[str] = []
    flag: bool = False
    count: int = 0
    share: float = 0.0
    anything: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("text: yes", "yes"),
        ("text: 12:30", "12:30"),
        ("text: 007", "007"),
        ("text: 1_000", "1_000"),
        ("text: =", "="),
        ("texts: [yes, no, on, Off, y, 0o17, 0b1, 1:30.5]", ["yes", "no", "on", "Off", "y", "0o17", "0b1", "1:30.5"]),
        ("flag: yes", True),
        ("flag: off", False),
        ("count: 1_000", 1000),
        ("count: 1e3", 1000),
        ("count: 0x1F", 31),
        ("share: 1e-3", 0.001),
        ("share: 5E-1", 0.5),
        ("share: .5", 0.5),
        ("anything: {a: 1e-3, b: [true, False], no: null}", {"a": 0.001, "b": [True, False], "no": None}),
        ("anything: {day: 2024-02-29}", {"day": dt.date(2024, 2, 29)}),
        ("anything: {<<: {a: 1}, b: 2}", {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_plain_values_are_what_their_key_or_yaml_1_2_says(text, value):
    key = text.partition(":")[0]
    for loader in (strict_yaml._FastLoader, strict_yaml._Loader):
        read = strict_yaml.yaml.load(text, Loader=loader)
        assert getattr(Kinds.model_validate(read), key) == value
    found = getattr(parse_yaml(text, Kinds, origin="job.yaml"), key)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", "yes No on OFF 010 08 -07 0b11 0o17 12:30 1:2.5 1_0 0x_f".split())
def test_a_value_that_may_be_text_or_not_is_refused(value):
    with pytest.raises(RequestError, match=rf"key anything: a\.b: .* read {value} differently: .* put it in quotes"):
        parse_yaml(f"anything: {{a: {{b: [1, {value}]}}}}", Kinds, origin="job.yaml")


@pytest.mark.parametrize("value", ["010", "12:30", "yes"])
@pytest.mark.parametrize("key", ["count", "share"])
def test_a_number_that_yaml_versions_read_differently_is_refused(key, value):
    with pytest.raises(RequestError, match=f"key {key}: .*{value}.*put it in quotes"):
        parse_yaml(f"{key}: {value}", Kinds, origin="job.yaml")


@pytest.mark.parametrize("value", ["3", "1e3", "true", "2024-02-29", "{name}"])
def test_a_value_in_the_place_of_text_is_to_be_put_in_quotes(value):
    with pytest.raises(RequestError, match=r"key texts\.0: .*put it in quotes"):
        parse_yaml(f"texts: [{value}]", Kinds, origin="job.yaml")


@pytest.mark.parametrize("value", [".nan", ".inf", "1e999", "nan"])
@pytest.mark.parametrize("key", ["share", "anything"])
def test_nan_is_no_number(key, value):
    text = f"anything: {{a: {value}}}" if key == "anything" else f"share: {value}"
    if (key, value) == ("anything", "nan"):
        assert parse_yaml(text, Kinds, origin="job.yaml").anything == {"a": "nan"}
        return
    with pytest.raises(RequestError, match=r"NaN and infinity|finite"):
        parse_yaml(text, Kinds, origin="job.yaml")


def test_a_key_that_is_no_text_names_its_line():
    with pytest.raises(RequestError, match=r"job\.yaml:2: .*a key must be text"):
        parse_yaml("text: a\n? [b]\n: c\n", Kinds, origin="job.yaml")


def test_text_with_a_colon_is_to_be_put_in_quotes():
    assert "put the text in quotes" in message_of("name: a: b\n")


def test_a_byte_order_mark_is_left_out(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: a\r\n")
    assert read_yaml(path, Config) == Config(name="a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name: a".encode("utf-16"), r"a\.yaml: cannot be read: its byte-order mark is that of UTF-16 - save it"),
        ("name: a".encode("utf-32"), r"a\.yaml: cannot be read: its byte-order mark is that of UTF-32"),
        (b"# a\nname: caf\xe9\n", r"a\.yaml:2: cannot be read: byte 0xe9 is not UTF-8 - save it as UTF-8"),
    ],
)  # fmt: skip
def test_other_encodings_are_named(tmp_path, content, said):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(RequestError, match=said):
        read_yaml(tmp_path / "a.yaml", Config)
