from __future__ import annotations

import errno

import pytest

from pipeline.emulators import processes as module
from pipeline.emulators.processes import LocalFolder
from pipeline.errors import RequestError


def test_all_places_are_below_the_directory(tmp_path):
    folder = LocalFolder(tmp_path / "local")
    folder.make()
    places = [folder.state, folder.ready, folder.tables, folder.buckets, folder.logs, folder.home, folder.temporary]
    assert all(place.parent == tmp_path / "local" for place in places)
    assert sorted(path.name for path in folder.path.iterdir()) == ["bigquery", "home", "logs", "storage", "tmp"]


def test_lock_is_held_by_one_and_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    folder = LocalFolder(tmp_path)
    with (
        folder.locked(),
        pytest.raises(RequestError, match="another command has been starting or stopping the emulators"),
        folder.locked(),
    ):
        pytest.fail("two hold the lock")
    with folder.locked():
        pass


@pytest.mark.parametrize(
    ("number", "words", "hint"),
    [
        (errno.ENOSPC, "No space left on device", "free some space or give another --local-dir"),
        (errno.EROFS, "Read-only file system", "give another --local-dir"),
        (errno.EACCES, "Permission denied", "give another --local-dir"),
    ],
)
def test_file_system_error_is_a_request_error(tmp_path, number, words, hint):
    with pytest.raises(RequestError) as refused, LocalFolder(tmp_path).usable():
        raise OSError(number, words)
    assert str(refused.value) == f"cannot use {tmp_path} as local directory: {words} - {hint}"
