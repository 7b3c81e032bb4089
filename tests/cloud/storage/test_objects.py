from __future__ import annotations

import pytest
from google.resumable_media import DataCorruption

from pipeline.cloud.storage.objects import Content, create


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture
def blob(session):
    return session.store._blob(session.store.uri("content", "object"))


@pytest.mark.parametrize("content", [b"", b"text", bytes(range(256)) * 9000])
def test_file_bytes_and_object_have_the_same_checksum(session, tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    blob = session.store._blob(session.store.uri("content", str(len(content))))
    create(blob, Content.of_bytes(content), blob.upload_from_string, content, timeout=10)
    assert Content.of_file(path) == Content.of_bytes(content) == Content.of_object(blob)
    assert blob.download_as_bytes() == content


def test_what_arrives_damaged_is_taken_away_and_sent_again(session, blob):
    with pytest.raises(DataCorruption, match="object: another content or name arrived than was sent"):
        create(blob, Content.of_bytes(b"text"), blob.upload_from_string, b"tfxt", timeout=10)
    assert not blob.exists()
    create(blob, Content.of_bytes(b"text"), blob.upload_from_string, b"text", timeout=10)
    assert blob.download_as_bytes() == b"text"


def test_upload_under_another_name_is_removed_and_repeated(session, monkeypatch):
    blob = session.store._blob(session.store.uri("content", "named"))
    named = type(blob)._get_writable_metadata
    monkeypatch.setattr(type(blob), "_get_writable_metadata", lambda self: named(self) | {"name": "objekt"})
    content = Content.of_bytes(b"name")
    with pytest.raises(DataCorruption, match="another content or name"):
        create(blob, content, blob.upload_from_string, b"name", timeout=10)
    assert not blob.bucket.blob("objekt").exists()
    monkeypatch.undo()
    create(blob, content, blob.upload_from_string, b"name", timeout=10)
    assert blob.download_as_bytes() == b"name"
