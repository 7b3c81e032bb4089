from __future__ import annotations

import os
import sys
from threading import Thread

import pytest

from pipeline.base.progress import LineReporter
from pipeline.errors import loggable, quoted, readable
from pipeline.phases.backfill.worker import LONGEST, listening, printed_lines, sender_of


@pytest.fixture
def reported():
    return []


def test_lines_of_several_senders_arrive_whole(reported):
    words = ("abc", "déf", "ghi")
    with listening(LineReporter(reported.append)) as lines:

        def shout(word):
            for _ in range(300):
                sender_of(lines)(word * 700)

        threads = [Thread(target=shout, args=(word,)) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(reported) == sorted(word * 700 for word in words for _ in range(300))


def test_long_lines_are_cut_and_empty_lines_are_skipped(reported):
    with listening(LineReporter(reported.append)) as lines:
        send = sender_of(lines)
        for text in ("", "  ", "x" * 10_000, "last"):
            send(text)
    assert reported == ["x" * LONGEST, "last"]
    assert os.pathconf("/", "PC_PIPE_BUF") >= LONGEST + 4


def test_quotations_stay_marked_and_warnings_stay_warnings(reported):
    reporter, warned = LineReporter(reported.append), []
    reporter.warn = warned.append
    with listening(reporter) as lines:
        send = sender_of(lines)
        LineReporter(send).warn("drifted")
        send(f"key {quoted('secret')}")
        send(f"key {quoted('secret' * 1000)} is doubled")
    assert warned == ["drifted"]
    assert [loggable(line) for line in reported] == [
        "key [values are not logged]",
        "key [values are not logged] is doubled",
    ]
    assert readable(reported[0]) == "key secret"


def test_lines_are_read_after_stderr_is_closed():
    def say(_):
        raise BrokenPipeError

    with listening(LineReporter(say)) as lines:
        for _ in range(100):
            sender_of(lines)("x" * LONGEST)  # more than a pipe holds


def test_printed_text_arrives_in_whole_lines(reported):
    stream = printed_lines(reported.append)
    print("one", end="", file=stream)
    print(" line\nanother", file=stream)
    print("begun", end="", file=stream)
    assert [readable(line) for line in reported] == ["one line", "another"]
    assert {loggable(line) for line in reported} == {"[a line that a process printed is not logged]"}
    assert stream.writable()
    assert not stream.isatty()
    assert stream is not sys.stdout
