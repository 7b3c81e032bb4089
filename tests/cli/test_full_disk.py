"""The disk of the local target is full during a command; with room, the same command completes."""

from __future__ import annotations

from contextlib import contextmanager

import psutil
import pytest

from pipeline.emulators import lifecycle
from pipeline.emulators.state import read_state

DAY = "2013-07-05"

pytestmark = pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits another process")


@pytest.fixture
def local_dir(tmp_path):
    lifecycle.up(tmp_path / "local")
    yield tmp_path / "local"
    lifecycle.down(tmp_path / "local")


@contextmanager
def full(local_dir, server, size):
    """Refuse writes beyond a size of the files of a server, which looks like a full disk to it."""
    process = psutil.Process(read_state(local_dir / "state.json").record(server).pid)
    unlimited = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (size, unlimited[1]))
    yield
    process.rlimit(psutil.RLIMIT_FSIZE, unlimited)


def test_full_disk_is_one_line_and_the_command_can_be_repeated(here, quick_project, local_dir, fixtures_folder):
    where = ("--project-dir", str(quick_project), "--local-dir", str(local_dir))
    load = ("sources", "load", "flight_quick", "--from", str(fixtures_folder), *where)
    run = ("run", "flight_quick", "--run-date", DAY, *where)
    for command, server, folder in (
        (load, "storage", "tmp"),  # an upload
        (load, "bigquery", "bigquery"),  # a load job
        (run, "bigquery", "bigquery"),  # a statement
        (run, "storage", "tmp"),  # the claim or a bundle
    ):
        with full(local_dir, server, 4096):
            done = here(*command)
            assert (done.code, done.out) == (2, ""), done.err
            assert done.error.endswith(
                f": the disk with {local_dir}/{folder} is full - free some space or give another --local-dir"
            )
        if (command, server) == (load, "bigquery"):
            assert here(*load).code == 0
    done = here(*run)
    assert (done.code, "done, preprocess" in done.out) == (0, True), done.err
    assert "generation 1 " in here("status", "flight_quick", *where).out
