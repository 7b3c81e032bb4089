from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from pipeline.base.progress import LineReporter, Reporter, Stopwatch


@pytest.fixture
def plain():
    console = Console(file=io.StringIO(), width=80, soft_wrap=True, emoji=False)
    return Reporter(console), console.file


def test_text_goes_to_stderr_as_it_is(capsys):
    Reporter().say("[bold]gs://b/a[0] :smile: " + "x" * 200)
    assert capsys.readouterr() == ("", "[bold]gs://b/a[0] :smile: " + "x" * 200 + "\n")


def test_a_step_says_what_it_did_and_how_long_it_took(plain):
    reporter, out = plain
    with reporter.step("2013-07-01 load") as said:
        said.extend(["10 rows", "2 models"])
    assert re.fullmatch(r"2013-07-01 load: 10 rows, 2 models \(\d+\.\d s\)\n", out.getvalue())


def test_a_step_with_nothing_to_say_is_one_line(plain):
    reporter, out = plain
    with reporter.step("train"):
        pass
    assert re.fullmatch(r"train \(\d+\.\d s\)\n", out.getvalue())


def test_a_step_that_fails_is_not_said_to_be_done(plain):
    reporter, out = plain
    with pytest.raises(KeyError), reporter.step("train"):
        raise KeyError
    assert out.getvalue() == ""


def test_without_a_terminal_there_are_no_bars(plain):
    reporter, out = plain
    assert list(reporter.track([1, 2], "shards")) == [1, 2]
    assert out.getvalue() == ""


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")  # a dumb one gets no bars
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    assert list(Reporter(console).track(range(3), "shards")) == [0, 1, 2]
    assert "3/3" in console.file.getvalue()


def test_seconds_go_up():
    watch = Stopwatch()
    first = watch.seconds
    assert 0 <= first <= watch.seconds < 5


def test_long_work_is_counted_in_lines_without_a_terminal(plain):
    reporter, out = plain
    with reporter.count("j backfill", 2) as advance:
        advance("about 0:00:10 left")
        advance("")
    assert out.getvalue() == "j backfill: 1 of 2, about 0:00:10 left\nj backfill: 2 of 2\n"


def test_long_pieces_of_work_are_a_bar_with_a_note_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Reporter(console).count("j backfill", 3) as advance:
        advance("")
        advance("about 0:00:10 left")
    shown = console.file.getvalue()
    assert "2/3" in shown
    assert "about 0:00:10 left" in shown


def test_a_reporter_without_bars_says_what_the_other_one_would(plain):
    other, out = plain
    reporter = LineReporter(other.say, other.warn, other.about)
    reporter.about(run_id="r")
    reporter.warn("drifted")
    with reporter.step("train"):
        assert list(reporter.track([1, 2], "shards")) == [1, 2]
    assert out.getvalue() == "warning: drifted\ntrain (0.0 s)\n"


def test_lines_are_handed_over_and_have_no_bars():
    said = []
    reporter = LineReporter(said.append)
    with reporter.step("train"):
        assert list(reporter.track([1, 2], "shards")) == [1, 2]
    reporter.say("[bold]")
    assert said == ["train (0.0 s)", "[bold]"]


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    return Reporter(console), console.file


def test_work_in_work_is_one_display(terminal):
    reporter, out = terminal
    with reporter.working("train"), reporter.step("train a"):
        assert list(reporter.track([1, 2], "shards")) == [1, 2]
        reporter.say("a line")
        reporter._bars.refresh()
        assert [task.description for task in reporter._bars.tasks] == ["train", "train a"]
    assert reporter._bars is None
    assert "train a" in out.getvalue()
    assert re.search(r"train a \(\d+\.\d s\)\n", out.getvalue())


def test_failed_work_leaves_no_bar(terminal):
    reporter, _ = terminal

    def fail():
        for _ in reporter.track([1, 2], "shards"):
            raise KeyError

    with pytest.raises(KeyError) as caught, reporter.working("train"):
        fail()
    assert caught.tb is not None  # it keeps the generator alive
    assert reporter._bars is None


def test_work_without_a_terminal_says_nothing(plain):
    reporter, out = plain
    with reporter.working("train"):
        pass
    assert out.getvalue() == ""
