"""The last line of a log as an error; starting itself is tested in test_lifecycle."""

from __future__ import annotations

import pytest

from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.servers import StorageServer
from pipeline.emulators.startup import _why_it_died
from pipeline.errors import CloudError, RequestError

HELD = 'IO Error: Could not set lock on file "/x": Conflicting lock is held in /usr/bin/python3.11 (PID 42). See also'


@pytest.mark.parametrize(
    ("log", "kind", "words"),
    [
        (
            "Traceback\n  File x\nValueError: no such option\n\n",
            CloudError,
            "ended while it started: ValueError: no such option",
        ),
        ("", CloudError, "ended while it started: its log is empty"),
        (None, CloudError, "ended while it started: its log is empty"),
        ("x" * 5000, CloudError, "ended while it started: " + "x" * 300 + " - see"),
        (f"duckdb.IOException: {HELD}", RequestError, "are in use by process 42 (/usr/bin/python3.11)"),
        ("write: No space left on device", RequestError, "cannot work in"),
        ("open: Read-only file system", RequestError, "cannot work in"),
    ],
)
def test_last_line_of_the_log_says_why(tmp_path, log, kind, words):
    server = StorageServer(LocalFolder(tmp_path))
    if log is not None:
        server.log.parent.mkdir()
        server.log.write_text(log)
    error = _why_it_died(server)
    assert type(error) is kind
    assert words in str(error)
    assert "\n" not in str(error)
