"""Commands on a terminal: they show what is being done, and their results are not mixed with it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import time

import pytest

from tests.support.integration_fixtures import COMMAND, ROOT

SECONDS = 120.0


def on_terminal(*arguments: str) -> tuple[str, str]:
    """Return the stdout of a command whose stderr is a terminal, and what the terminal got."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
    ) as process:
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            shown += part
        out = process.stdout.read()
        assert process.wait(timeout=SECONDS) == 0, shown.decode()
    os.close(ours)
    return out, shown.decode()


@pytest.fixture
def place(quick_project, loaded_dir):
    return ("--project-dir", str(quick_project), "--local-dir", str(loaded_dir))


def test_run_shows_each_phase_while_it_works(place):
    out, shown = on_terminal("backfill", "flight_quick", "--from", "2013-06-23", "--to", "2013-06-23", *place)
    for work in ("flight_quick backfill", "flight_quick preprocess", "2013-06-23 train", "2013-06-23 predict", "load"):
        assert re.search(rf"{work} .*━.*\d:\d\d:\d\d", shown), work
    assert re.search(r"\d/2", shown)
    assert re.search(r"2013-06-23 predict: .* \(\d+\.\d s\)", shown)
    assert "\x1b" not in out
    assert out.startswith("flight_quick 2013-06-23: done")
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l"), "the cursor is hidden"


@pytest.mark.matrix(2)
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("status", "flight_quick"), "flight_quick status"),
        (("report", "flight_quick", "--from", "2013-06-01", "--to", "2013-06-02"), "flight_quick report"),
        (("plan", "flight_quick", "--from", "2013-06-01", "--to", "2013-06-02"), "flight_quick plan"),
        (("models", "list", "flight_quick"), "flight_quick models"),
        (("sources", "load", "flight_delay", "--from", "{tiny}", "--project-dir", "."), "flight_delay load sources"),
        (("evaluate", "flight_quick", "--as-of", "2013-06-02"), "flight_quick evaluate"),
        (("dashboard", "flight_quick", "--out", "{tiny}/page.html"), "flight_quick dashboard"),
        (("doctor", "flight_quick"), "doctor"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_command_shows_that_it_works(place, fixtures_folder, arguments, shown):
    words = [part.format(tiny=fixtures_folder) for part in arguments]
    name = words.index("flight_delay" if "flight_delay" in words else "flight_quick")
    _, text = on_terminal(*words[:name], *place, *words[name:])
    assert re.search(rf"{shown} .*━.*\d:\d\d:\d\d", text)


def test_start_of_the_emulators_is_shown(tmp_path):
    out, shown = on_terminal("local", "up", "--local-dir", str(tmp_path))
    assert "start the emulators" in shown
    assert out.startswith("local target up")
    _, shown = on_terminal("local", "down", "--local-dir", str(tmp_path))
    assert "stop the emulators" in shown
