"""Progress for people: reporters, a stopwatch, and a stream that passes on whole lines."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from time import perf_counter
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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


class Reporter:
    """Tells a person what happens.

    Parameters
    ----------
    console
        Where to write; stderr unless told otherwise, so that stdout stays free for results.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, highlight=False, emoji=False, soft_wrap=True)

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
        if not self._console.is_terminal:
            yield from items
            return
        with self._bars() as bars:
            task = bars.add_task(what, total=len(items))
            for item in items:
                yield item
                bars.advance(task)

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Time a step and write one line when it is done; append to the list what there is to say of it."""
        watch, words = Stopwatch(), list[str]()
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
        with self._bars(TextColumn("{task.fields[note]}")) as bars:
            task = bars.add_task(what, total=total, note="")
            yield lambda note: bars.update(task, advance=1, note=note)

    def _bars(self, *more: TextColumn) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *more)
        return Progress(*columns, console=self._console, transient=True)


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
