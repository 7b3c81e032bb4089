"""A text stream in place of stdout or stderr, whose lines go somewhere else."""

from __future__ import annotations

import io
from collections.abc import Callable


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
