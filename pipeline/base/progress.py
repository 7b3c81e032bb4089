"""Progress for people: reporters, a stopwatch, and a stream that passes on whole lines."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from time import perf_counter
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from pipeline.errors import readable


class LineStream(io.TextIOBase):
    """Hands over whole lines; what is begun waits for its end.

    Parameters
    ----------
    hand_over
        Gets each line that is not empty, without its end.
    """

    def __init__(self, hand_over: Callable[[str], None]) -> None:
        self._hand_over, self._begun = hand_over, ""

    def writable(self) -> bool:
        """Tell that it takes text."""
        return True

    def write(self, text: str) -> int:
        """Hand over the lines that a text ends."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._say(line)
        return len(text)

    def _say(self, line: str) -> None:
        if line.strip():
            self._hand_over(line)


ItemT = TypeVar("ItemT")

WARNING = "warning: "
"""Prefix of a warning, which needs no action tonight."""


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far, to the millisecond."""
        return round(perf_counter() - self._started, 3)


class Done(MofNCompleteColumn):
    """How many items are done; empty for work without items."""

    def render(self, task: Task) -> Text:
        """Return the numbers, such as 2/7."""
        return Text() if task.total is None else super().render(task)


class Reporter:
    """Tells a person what happens.

    On a terminal, bars with the elapsed time show all work that is being done, work inside other work below it. They
    disappear when it is done.

    Parameters
    ----------
    console
        Where to write; stderr unless told otherwise, so that stdout stays free for results.

    Attributes
    ----------
    verbose
        Whether tracebacks of errors are wanted that end no command.
    """

    verbose = False

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
        self._bars: Progress | None = None  # one display for all work: two would overwrite each other
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Write one line; of `quoted` words as they are."""
        self._console.print(readable(text), markup=False)

    def warn(self, text: str) -> None:
        """Write one warning, which needs no action tonight."""
        self.say(f"{WARNING}{text}")

    def about(self, **labels: str) -> None:
        """Say of which run and phase all that comes is; people know what they asked for."""

    def track(self, items: Sequence[ItemT], what: str) -> Iterator[ItemT]:
        """Yield the items, with a bar on a terminal."""
        with self._bar(what, total=len(items)) as update:
            for item in items:
                yield item
                update(advance=1)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show work on a terminal while it is being done; write no line."""
        with self._bar(what):
            yield

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Time a step and write one line when it is done; append to the list what there is to say of it."""
        watch, words = Stopwatch(), list[str]()
        with self._bar(what):
            yield words
        said = ", ".join(words)
        self.say(f"{what}: {said} ({watch.seconds:.1f} s)" if said else f"{what} ({watch.seconds:.1f} s)")

    @contextmanager
    def count(self, what: str, total: int) -> Iterator[Callable[[str], None]]:
        """Show how many of several long pieces of work are done: a bar on a terminal, lines elsewhere.

        What is yielded is called after each piece, with a note such as how long the others may take.
        """
        if not self._console.is_terminal:
            numbers = count(1)
            yield lambda note: self.say(f"{what}: {next(numbers)} of {total}{note and ', '}{note}")
            return
        with self._bar(what, total) as update:
            yield lambda note: update(advance=1, note=note)

    @contextmanager
    def _bar(self, what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
        """Show a bar while the block runs, and yield a function that changes it; only on a terminal."""
        if not self._console.is_terminal:
            yield lambda **_: None
            return
        with self._lock:
            if self._bars is None:
                self._bars = _display(self._console)
                self._bars.start()
            bars = self._bars
            task = bars.add_task(what, total=total, note="")
        try:
            yield partial(bars.update, task)
        finally:
            with self._lock:
                inner = [other for other in bars.task_ids if other >= task]  # an error leaves bars of generators open
                if len(inner) == len(bars.tasks):
                    bars.stop()  # it draws the last state, and removes it
                    self._bars = None
                for number in inner:
                    bars.remove_task(number)


def _display(console: Console) -> Progress:
    what, note = (TextColumn(f"{{task.{name}}}", markup=False) for name in ("description", "fields[note]"))
    columns = (what, BarColumn(), Done(), TimeElapsedColumn(), note)
    # stdout is for results: otherwise it would be redirected to the console, which is stderr
    return Progress(*columns, console=console, transient=True, redirect_stdout=False)


class LineReporter(Reporter):
    """A reporter that passes whole lines on and never shows a bar.

    Parameters
    ----------
    say
        Gets each line without its end, with the marks of its `quoted` words.
    warn
        Gets each warning; without it warnings go to `say`.
    about
        Gets the labels of the run and phase that the next lines belong to.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        warn: Callable[[str], None] | None = None,
        about: Callable[..., None] | None = None,
    ) -> None:
        super().__init__(Console(file=sys.stderr, force_terminal=False))
        self._say, self._warn, self._about = say, warn or super().warn, about or super().about

    def say(self, text: str) -> None:
        """Pass one line on."""
        self._say(text)

    def warn(self, text: str) -> None:
        """Pass one warning on."""
        self._warn(text)

    def about(self, **labels: str) -> None:
        """Pass labels on."""
        self._about(**labels)
