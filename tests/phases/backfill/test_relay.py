from __future__ import annotations

import os
import sys
from threading import Thread

import pytest

from pipeline.base.progress import LineReporter
from pipeline.errors import loggable, quoted, readable
from pipeline.phases.backfill.worker import LONGEST, Speaker, listening, sender_of


@pytest.fixture
def said():
    return []


def test_lines_that_are_sent_at_once_come_whole(said):
    words = ("abc", "déf", "ghi")
    with listening(LineReporter(said.append)) as lines:

        def shout(word):
            for _ in range(300):
                sender_of(lines)(word * 700)

        threads = [Thread(target=shout, args=(word,)) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(said) == sorted(word * 700 for word in words for _ in range(300))


def test_a_line_is_short_enough_to_be_written_in_one_piece_and_empty_ones_are_left_out(said):
    with listening(LineReporter(said.append)) as lines:
        send = sender_of(lines)
        for text in ("", "  ", "x" * 10_000, "last"):
            send(text)
    assert said == ["x" * LONGEST, "last"]
    assert os.pathconf("/", "PC_PIPE_BUF") >= LONGEST + 4


def test_words_that_are_not_for_logs_stay_marked_and_a_warning_is_one(said):
    reporter, warned = LineReporter(said.append), []
    reporter.warn = warned.append
    with listening(reporter) as lines:
        send = sender_of(lines)
        LineReporter(send).warn("drifted")
        send(f"key {quoted('secret')}")
        send(f"key {quoted('secret' * 1000)} is doubled")
    assert warned == ["drifted"]
    assert [loggable(line) for line in said] == [
        "key [values are not logged]",
        "key [values are not logged] is doubled",
    ]
    assert readable(said[0]) == "key secret"


def test_lines_are_taken_when_nobody_reads_stderr_any_more():
    def say(_):
        raise BrokenPipeError

    with listening(LineReporter(say)) as lines:
        for _ in range(100):
            sender_of(lines)("x" * LONGEST)  # more than a pipe holds


def test_what_is_printed_comes_in_whole_lines(said):
    stream = Speaker(said.append)
    print("one", end="", file=stream)
    print(" line\nanother", file=stream)
    print("begun", end="", file=stream)
    assert [readable(line) for line in said] == ["one line", "another"]
    assert {loggable(line) for line in said} == {"[a line that a process printed is not logged]"}
    assert stream.writable()
    assert not stream.isatty()
    assert stream is not sys.stdout
