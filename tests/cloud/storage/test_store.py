from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core import exceptions
from google.cloud.storage import Blob

from pipeline.cloud.storage.objects import Content
from pipeline.cloud.storage.store import Store, split_uri
from pipeline.errors import CloudError, PermissionMissing, RequestError
from pipeline.project.target import Endpoints
from tests.support.dummy_project import offline_target


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture(scope="module")
def store(session):
    return session.store


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 300)
    return path


def test_an_object_has_the_content_size_and_checksum_of_its_file(store, file, tmp_path):
    uri = store.uri("job", "a", "file.bin")
    stored = store.put_file(file, uri)
    assert (stored.uri, stored.size, stored.crc32c) == (uri, 76800, Content.of_file(file).crc32c)
    assert stored.generation > 0
    assert store.download(uri, tmp_path / "new" / "copy").read_bytes() == file.read_bytes()
    assert store.list(store.uri("job", "a")) == [stored]


def test_the_same_file_twice_is_done_and_another_is_refused(store, file):
    uri = store.uri("twice.bin")
    first = store.put_file(file, uri)
    assert store.put_file(file, uri) == first
    file.write_bytes(b"other")
    with pytest.raises(CloudError, match=r"twice.bin: another object exists already - run the command again"):
        store.put_file(file, uri)
    assert len(store.read_bytes(uri)) == first.size


def test_an_empty_file_is_an_object(store, tmp_path):
    (tmp_path / "empty").touch()
    uri = store.uri("empty")
    assert store.put_file(tmp_path / "empty", uri).size == 0
    assert store.read_bytes(uri) == b""


def test_json_is_made_once_and_the_first_value_stays(store):
    uri = store.uri("once.json")
    assert store.read_json(uri) is None
    assert store.put_json_once({"value": 1, "text": "Zürich"}, uri) == {"value": 1, "text": "Zürich"}
    assert store.put_json_once({"value": 2}, uri) == {"value": 1, "text": "Zürich"}
    assert store.read_json(uri) == {"value": 1, "text": "Zürich"}


def test_of_two_at_once_both_get_the_winners_value(session, connect):
    stores = [session.store, connect(session.target).store]
    for attempt in range(10):
        uri, barrier, got = session.store.uri("race", f"{attempt}.json"), threading.Barrier(2), {}

        def claim(number, uri=uri, barrier=barrier, got=got):
            barrier.wait()
            got[number] = stores[number].put_json_once({"winner": number}, uri)

        threads = [threading.Thread(target=claim, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        assert got[0] == got[1] == session.store.read_json(uri)
        assert got[0] in ({"winner": 0}, {"winner": 1})


def test_uploads_are_made_only_where_nothing_is(store, file, requests_sent):
    store.put_file(file, store.uri("conditions.bin"))
    store.put_json_once({}, store.uri("conditions.json"))
    assert len(requests_sent.uploads) == 2
    assert all("ifGenerationMatch=0" in sent.query for sent in requests_sent.uploads)


REFUSED = "a@p.iam.gserviceaccount.com does not have storage.objects.delete access to the Google Cloud Storage object."
LACKING = "a@p.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object."


@pytest.fixture
def no_delete(monkeypatch):
    """An account that may create and not replace, where Cloud Storage looks at rights before preconditions."""
    send = Blob._prep_and_do_upload

    def upload(blob, *arguments, **options):
        try:
            return send(blob, *arguments, **options)
        except exceptions.PreconditionFailed as error:
            raise exceptions.Forbidden(REFUSED) from error

    monkeypatch.setattr(Blob, "_prep_and_do_upload", upload)


@pytest.mark.usefixtures("no_delete")
def test_account_without_delete_right_gets_the_first_value(store, file):
    claim, whole = store.uri("claim.json"), store.uri("whole.bin")
    assert store.put_json_once({"run": 1}, claim) == {"run": 1}
    assert store.put_json_once({"run": 2}, claim) == {"run": 1}
    first = store.put_file(file, whole)
    assert store.put_file(file, whole) == first
    file.write_bytes(b"other")
    with pytest.raises(CloudError, match="another object exists already"):
        store.put_file(file, whole)


def test_who_may_not_create_is_told_so(store, monkeypatch):
    def refuse(*_, **__):
        raise exceptions.Forbidden(LACKING)

    monkeypatch.setattr(Blob, "_prep_and_do_upload", refuse)
    with pytest.raises(PermissionMissing, match=r"storage\.objects\.create"):
        store.put_json_once({}, store.uri("refused.json"))


def test_what_is_not_there(store, tmp_path):
    uri = store.uri("nowhere")
    assert (store.read_bytes(uri), store.read_json(uri), store.list(uri)) == (None, None, [])
    with pytest.raises(RequestError, match=r"nowhere: no such object - check the address"):
        store.download(uri, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_objects_are_listed_by_name_below_a_prefix(store):
    for name in ("b", "a", "c/d"):
        store.put_json_once({}, store.uri("listed", name))
    store.put_json_once({}, store.uri("listed-not"))
    folder = store.uri("listed", "")
    assert [item.uri.removeprefix(folder) for item in store.list(folder)] == ["a", "b", "c/d"]


def test_folders_are_listed_by_name(store, session):
    for name in ("2013/a", "2012/b/c", "file"):
        store.put_json_once({}, store.uri("folders", name))
    assert store.folders(store.uri("folders", "")) == ["2012", "2013"]
    assert store.folders(store.uri("no-folder", "")) == []
    nowhere = Store(store.target.model_copy(update={"bucket": "no-such-bucket"}))
    assert nowhere.folders(nowhere.uri("folders", "")) == []
    assert (store.has_bucket(), nowhere.has_bucket()) == (True, False)


def test_an_object_is_removed_once_as_it_was_listed(store, requests_sent):
    uri = store.uri("removed.json")
    store.put_json_once({}, uri)
    (item,) = store.list(uri)
    assert timedelta(0) <= datetime.now(UTC) - item.created < timedelta(minutes=1)
    requests_sent.clear()
    assert [store.delete(item), store.delete(item)] == [True, False]
    assert store.read_bytes(uri) is None
    assert {sent.query for sent in requests_sent.sent if sent.method == "DELETE"} == {
        f"ifGenerationMatch={item.generation}&prettyPrint=false"
    }


def test_addresses_lie_below_the_prefix_of_the_target(store):
    target = store.target
    assert store.uri("job", "models") == f"gs://{target.bucket}/{target.prefix}/job/models"
    assert split_uri("gs://bucket/a/b") == ("bucket", "a/b")
    for wrong in ("bucket/a", "gs://", "s3://bucket/a"):
        with pytest.raises(RequestError, match="is not a gs:// address"):
            split_uri(wrong)


def test_the_bucket_is_made_once(store):
    store.create_bucket()
    store.create_bucket()
    assert store._client.bucket(store.target.bucket).exists()


def test_a_bucket_that_is_not_there_is_named(store, file):
    with pytest.raises(RequestError, match=r"uploading gs://no-such-bucket/x"):
        store.put_file(file, "gs://no-such-bucket/x")


def test_a_server_that_is_gone_is_an_error_within_seconds(store, file, monkeypatch):
    monkeypatch.setattr("pipeline.cloud.retries.UNREACHABLE_DEADLINE", 0.5)
    nowhere = Endpoints(bigquery="http://127.0.0.1:9", bigquery_storage="127.0.0.1:9", storage="http://127.0.0.1:9")
    gone = Store(store.target.model_copy(update={"endpoints": nowhere}))
    for doing in (
        lambda: gone.put_file(file, gone.uri("x")),
        lambda: gone.read_json(gone.uri("x")),
        lambda: gone.list(gone.uri("x")),
        gone.create_bucket,
    ):
        with pytest.raises(
            CloudError, match=r"^(uploading|reading|listing|looking at bucket) .* - run the same command"
        ):
            doing()


@pytest.mark.parametrize("uri", ["gs://b/x/../m", "gs://b/./m", "gs://b//m", "gs://b/x//m"])
def test_one_object_has_one_address(uri):
    with pytest.raises(RequestError, match=r"has empty, \. or \.\. parts"):
        split_uri(uri)


@pytest.mark.parametrize("uri", ["gs://b", "gs://b/", "gs://b/folder/"])
def test_a_bucket_and_a_folder_are_no_object(uri):
    with pytest.raises(RequestError, match="has no object name - write gs://bucket/name"):
        Store(offline_target()).read_bytes(uri)
