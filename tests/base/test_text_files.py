from __future__ import annotations

import pytest

from pipeline.base.files import read_text, unmarked
from pipeline.errors import RequestError


def test_text_has_no_mark_and_line_feeds_only(tmp_path):
    path = tmp_path / "a.sql"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\nc")
    assert read_text(path) == "a\nb\nc"


def test_a_copy_lacks_the_mark_and_a_plain_file_is_not_copied(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    with unmarked(path) as plain:
        assert plain == path
    path.write_bytes(b"\xef\xbb\xbf{}\n")
    with unmarked(path) as plain:
        assert (plain != path, plain.name, plain.read_bytes()) == (True, "a.jsonl", b"{}\n")
    assert not plain.exists()
    path.write_bytes("{}".encode("utf-16"))
    with pytest.raises(RequestError, match="UTF-16"), unmarked(path):
        pass
