from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.base.files import replace_file


def test_a_file_is_made_and_replaced_and_nothing_else_is_left(tmp_path):
    for content in (b"old", b"\x00new\n"):
        replace_file(tmp_path / "file.json", content)
        assert (tmp_path / "file.json").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    replace_file(tmp_path / "file.json", b"old")

    def full(self, content):
        self.touch()
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "file.json", b"new")
    assert (tmp_path / "file.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]
