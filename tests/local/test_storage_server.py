"""What the Cloud Storage emulator does, through Google's client: what we rely on, and what must not be relied on.

A test of a shortcoming fails when the emulator gets better; docs/local-target.md then loses a row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed

LARGE = b"x" * (8 * 1024 * 1024 + 1)  # the client sends more than 8 MiB as a resumable upload


@pytest.fixture
def blob(bucket):
    return bucket.blob(f"{uuid4().hex}/a b=\u00e9#.jsonl")


def test_small_object_is_created_only_once(blob, bucket):
    blob.upload_from_string(b"first", if_generation_match=0, timeout=10)
    with pytest.raises(PreconditionFailed):
        bucket.blob(blob.name).upload_from_string(b"second", if_generation_match=0, timeout=10)
    assert bucket.blob(blob.name).download_as_bytes(timeout=10) == b"first"


def test_of_many_that_create_at_once_one_wins(blob, bucket):
    def create(number):
        try:
            bucket.blob(blob.name).upload_from_string(str(number), if_generation_match=0, timeout=10)
        except PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]
    assert [blob.download_as_text(timeout=10)] == [str(winner) for winner in winners]


def test_resumable_upload_arrives_whole_with_checksum_type_and_metadata(blob, bucket):
    blob.metadata = {"rows": "1"}
    blob.upload_from_string(LARGE, content_type="application/x-ndjson", checksum="crc32c", timeout=10)
    found = bucket.get_blob(blob.name)
    assert (found.size, found.content_type, found.metadata) == (len(LARGE), "application/x-ndjson", {"rows": "1"})
    assert found.crc32c == blob.crc32c
    assert found.download_as_bytes(timeout=10, checksum="crc32c") == LARGE


def test_upload_in_chunks_arrives_whole(bucket):
    blob = bucket.blob(uuid4().hex, chunk_size=1024 * 1024)
    blob.upload_from_string(LARGE, timeout=10)
    assert blob.download_as_bytes(timeout=10) == LARGE


def test_old_generation_is_not_found(blob, bucket):
    blob.upload_from_string(b"first", timeout=10)
    first = blob.generation
    blob.upload_from_string(b"second", timeout=10)
    assert blob.generation > first
    with pytest.raises(NotFound):
        bucket.blob(blob.name, generation=first).download_as_bytes(timeout=10)


def test_shortcoming_resumable_upload_is_not_create_only(blob, bucket):
    blob.upload_from_string(b"first", timeout=10)
    bucket.blob(blob.name).upload_from_string(LARGE, if_generation_match=0, timeout=10)
    assert bucket.get_blob(blob.name).size == len(LARGE)


def test_shortcoming_download_and_delete_ignore_preconditions(blob, bucket):
    blob.upload_from_string(b"first", timeout=10)
    assert bucket.blob(blob.name).download_as_bytes(if_generation_match=1, timeout=10) == b"first"
    blob.delete(if_generation_match=1, timeout=10)
    assert not blob.exists(timeout=10)
