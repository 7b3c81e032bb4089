from __future__ import annotations

import hashlib
import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.digests import canonical_json, digest_json, digest_text, sha256_file, unique_name

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("abcd"), inner), max_leaves=8)


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_digest_does_not_depend_on_the_order_of_keys(value):
    assert digest_json(reversed_keys(value)) == digest_json(value)


@given(st.dictionaries(st.text("ab", min_size=1), st.integers(), min_size=1))
def test_digest_changes_with_any_value(value):
    key = next(iter(value))
    assert digest_json(value | {key: value[key] + 1}) != digest_json(value)


def test_digest_depends_on_the_order_of_lists():
    assert digest_json([1, 2]) != digest_json([2, 1])


def test_digest_tells_types_apart():
    assert len({digest_json(value) for value in (1, "1", 1.0, True, None, "None", [1])}) == 7


def test_digest_is_pinned_because_names_in_the_cloud_hold_it():
    assert digest_text("a") == "ca978112ca1bbdca"
    assert digest_json({"b": [1, "é"], "a": date(2013, 7, 1)}) == digest_text('{"a":"2013-07-01","b":[1,"é"]}')


def test_canonical_json_keeps_unicode():
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'


def test_text_digest_ignores_the_kind_of_newlines():
    assert digest_text("a\r\nb\r\n") == digest_text("a\nb\n")
    assert digest_text("a\nb") != digest_text("a b")


def test_file_digest_is_the_plain_sha256(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a\r\nb")
    assert sha256_file(path) == hashlib.sha256(b"a\r\nb").hexdigest()


def test_unique_names_differ_and_begin_with_their_stem():
    names = {unique_name("load") for _ in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"load-[0-9a-f]{12}", name) for name in names)
