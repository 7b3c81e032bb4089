"""What a process says outside of its command becomes entries, in the same words with every version of Python."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from types import SimpleNamespace

import pytest

from pipeline.cli.cloud_run.execution import Execution
from pipeline.cli.cloud_run.log import CloudLog, take_over
from pipeline.phases.task import Task


@pytest.fixture
def written(monkeypatch):
    """Entries of this process while the test runs."""
    for module, names in {
        sys: ("stdout", "stderr", "unraisablehook"),
        threading: ("excepthook",),
        logging: ("lastResort", "raiseExceptions", "captureWarnings"),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging, "captureWarnings", lambda **_: None)  # pytest has them
    stream = io.StringIO()
    take_over(CloudLog(Execution("night-1", Task()), stream))
    return lambda: [json.loads(line)["message"].partition(":\n")[0] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (None, "in __del__"),
        ("Exception ignored while calling deallocator <function Gone.__del__ at 0x7f1e7029a400>", "in __del__"),
        ("Exception ignored in atexit callback", "in an atexit callback"),
        ("Exception ignored in atexit callback functools.partial(<function f>, 'CANARY')", "in an atexit callback"),
        ("Exception ignored while calling weakref callback <Parcel CANARY>", "where Python ignores errors"),
    ],
)
def test_ignored_errors_are_named_by_place_without_values(written, message, place):
    sys.unraisablehook(SimpleNamespace(err_msg=message, exc_value=ValueError("CANARY"), object=None))
    assert written() == [f"uncaught {place}"]
