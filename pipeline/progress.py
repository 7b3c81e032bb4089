"""What a run is doing, on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.errors import readable

ItemT = TypeVar("ItemT")


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
        """Write one line about what nobody has to mend tonight."""
        self.say(f"warning: {text}")

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

    def _bars(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self._console, transient=True)
