"""What the Cloud Storage emulator does: what we rely on, and what must not be relied on.

Through Google's client, and over bare HTTP where the client would not send such a thing, or would hide the answer.

A test of a shortcoming fails when the emulator gets better; docs/local-target.md then loses a row.
"""

from __future__ import annotations

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from urllib.parse import urlsplit
from uuid import uuid4

import google_crc32c
import pytest
import requests
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


def test_one_of_concurrent_creations_succeeds(blob, bucket):
    def create(number):
        try:
            bucket.blob(blob.name).upload_from_string(str(number), if_generation_match=0, timeout=10)
        except PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]
    assert [blob.download_as_text(timeout=10)] == [str(winner) for winner in winners]


def test_resumable_upload_keeps_content_type_and_metadata(blob, bucket):
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


def test_shortcoming_preconditions_of_download_and_delete(blob, bucket):
    blob.upload_from_string(b"first", timeout=10)
    assert bucket.blob(blob.name).download_as_bytes(if_generation_match=1, timeout=10) == b"first"
    blob.delete(if_generation_match=1, timeout=10)
    assert not blob.exists(timeout=10)


def test_shortcoming_delete_ignores_the_generation_too(blob, bucket):
    blob.upload_from_string(b"first", timeout=10)
    bucket.blob(blob.name, generation=1).delete(timeout=10)
    assert not blob.exists(timeout=10)


def test_overwriting_changes_generation_and_time(blob, bucket):
    described = []
    for content in (b"first", b"second", b"second", LARGE, LARGE):
        bucket.blob(blob.name).upload_from_string(content, timeout=10)
        described.append(bucket.get_blob(blob.name))
    for earlier, later in pairwise(described):
        assert earlier.generation < later.generation
        assert earlier.time_created < later.time_created


class BareUploads:
    """Uploads to one bucket over bare HTTP."""

    def __init__(self, address, bucket):
        self.url = f"{address}/upload/storage/v1/b/{bucket}/o"

    def multipart(self, metadata, content, **parameters):
        body, headers = multipart_body(metadata, content)
        parameters["uploadType"] = "multipart"
        return requests.post(self.url, body, params=parameters, headers=headers, timeout=10)

    def begin(self, metadata, **parameters):
        """Begin a resumable upload and return where it goes on."""
        parameters["uploadType"] = "resumable"
        return requests.post(self.url, json=metadata, params=parameters, timeout=10).headers["Location"]

    def resumable(self, metadata, content, **parameters):
        return put_range(self.begin(metadata, **parameters), content, 0, len(content))

    def cut_multipart(self, metadata, content):
        body, headers = multipart_body(metadata, content)
        send_half("POST", f"{self.url}?uploadType=multipart", body, headers)

    def cut_resumable(self, metadata, content):
        headers = {"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"}
        send_half("PUT", self.begin(metadata), content, headers)


def multipart_body(metadata, content):
    head = [
        "--B",
        "Content-Type: application/json",
        "",
        json.dumps(metadata),
        "--B",
        "Content-Type: text/plain",
        "",
        "",
    ]
    body = "\r\n".join(head).encode() + content + b"\r\n--B--"
    return body, {"Content-Type": "multipart/related; boundary=B"}


def put_range(url, content, start, total):
    """Send the part of a resumable upload that begins at `start`."""
    headers = {"Content-Range": f"bytes {start}-{start + len(content) - 1}/{total}"}
    return requests.put(url, content, headers=headers, timeout=10, allow_redirects=False)


def send_half(method, url, body, headers):
    """Announce a body, send half of it, and go."""
    address = urlsplit(url)
    lines = [f"{method} {address.path}?{address.query} HTTP/1.1", f"Host: {address.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers | {"Content-Length": len(body)}).items()]
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body[: len(body) // 2])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1024)[:12] != b"HTTP/1.1 200"  # it has seen the end, and took no half for the whole


def crc32c(content):
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()


@pytest.fixture
def uploads(local_target, bucket):
    return BareUploads(local_target.storage, bucket.name)


WAYS = pytest.mark.parametrize("way", ["multipart", "resumable"])


@WAYS
def test_checksum_is_that_of_the_content(uploads, bucket, way):
    name, content = uuid4().hex, b"x" * 300_000
    sent = getattr(uploads, way)({"name": name, "crc32c": crc32c(content)}, content)
    assert (sent.status_code, sent.json()["crc32c"]) == (200, crc32c(content))
    assert bucket.get_blob(name).crc32c == crc32c(content)


@WAYS
@pytest.mark.parametrize("stated", [{"crc32c": crc32c(b"other")}, {"md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg=="}])
def test_shortcoming_upload_is_not_compared_with_its_checksum(uploads, bucket, way, stated):
    name = uuid4().hex
    assert getattr(uploads, way)({"name": name, **stated}, b"content").status_code == 200
    assert bucket.get_blob(name).crc32c == crc32c(b"content")


def test_small_object_is_replaced_only_in_its_generation(uploads, blob):
    blob.upload_from_string(b"first", timeout=10)
    seen = blob.generation
    assert uploads.multipart({"name": blob.name}, b"second", ifGenerationMatch=seen).status_code == 200
    assert uploads.multipart({"name": blob.name}, b"third", ifGenerationMatch=seen).status_code == 412
    assert blob.bucket.blob(blob.name).download_as_bytes(timeout=10) == b"second"


@pytest.mark.parametrize("generation", [0, 1])
def test_shortcoming_resumable_upload_ignores_preconditions(uploads, blob, generation):
    blob.upload_from_string(b"first", timeout=10)
    sent = uploads.resumable({"name": blob.name}, b"second", ifGenerationMatch=generation)
    assert sent.status_code == 200
    assert blob.bucket.blob(blob.name).download_as_bytes(timeout=10) == b"second"


@WAYS
def test_cut_upload_leaves_nothing(uploads, bucket, way):
    name = uuid4().hex
    getattr(uploads, f"cut_{way}")({"name": f"{name}/new"}, LARGE)
    assert list(bucket.list_blobs(prefix=name, timeout=10)) == []
    getattr(uploads, way)({"name": f"{name}/new"}, b"whole")
    assert bucket.blob(f"{name}/new").download_as_bytes(timeout=10) == b"whole"


@WAYS
def test_cut_upload_leaves_the_older_object(uploads, bucket, way):
    blob = bucket.blob(uuid4().hex)
    blob.upload_from_string(b"first", timeout=10)
    getattr(uploads, f"cut_{way}")({"name": blob.name}, LARGE)
    found = bucket.get_blob(blob.name)
    assert (found.generation, found.download_as_bytes(timeout=10)) == (blob.generation, b"first")


def test_resumable_upload_shows_nothing_before_its_last_part(uploads, bucket):
    name, half = uuid4().hex, 256 * 1024
    url = uploads.begin({"name": name})
    assert put_range(url, b"a" * half, 0, 2 * half).status_code == 308
    assert bucket.get_blob(name) is None
    assert put_range(url, b"b" * half, half, 2 * half).status_code == 200
    assert bucket.blob(name).download_as_bytes(timeout=10) == b"a" * half + b"b" * half


def test_shortcoming_part_that_is_sent_again_is_stored_twice(uploads, bucket):
    name, half = uuid4().hex, 256 * 1024
    url = uploads.begin({"name": name})
    for start in (0, 0, half):
        put_range(url, b"x" * half, start, 2 * half)
    assert bucket.get_blob(name).size == 3 * half


def test_shortcoming_asking_for_the_progress_ends_an_upload(uploads, bucket):
    name, half = uuid4().hex, 256 * 1024
    url = uploads.begin({"name": name})
    put_range(url, b"x" * half, 0, 2 * half)
    asked = requests.put(url, headers={"Content-Range": f"bytes */{2 * half}"}, timeout=10)
    assert asked.status_code == 200
    assert bucket.get_blob(name).size == half
    assert put_range(url, b"x" * half, half, 2 * half).status_code == 404
