"""Lines of several processes, said by one: whole, in turn, and above its bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Thread

from pipeline.errors import loggable, quoted
from pipeline.line_stream import LineStream
from pipeline.progress import WARNING, Reporter

LONGEST = 4000
"""Bytes of a line. What is shorter than PIPE_BUF (4096) is written whole or not at all, without a lock that a process
that is killed would keep."""

END = b""
"""The last message: said by nobody, sent by the one who listens."""


@contextmanager
def listening(reporter: Reporter) -> Iterator[Connection]:
    """Yield what other processes send lines to; each line is told until the end of the block."""
    receiver, sender = Pipe(duplex=False)
    thread = Thread(target=_tell_all, args=(receiver, reporter), name="backfill-lines", daemon=True)
    thread.start()
    try:
        yield sender
    finally:
        sender.send_bytes(END)
        thread.join()
        sender.close()
        receiver.close()


def _tell_all(receiver: Connection, reporter: Reporter) -> None:
    while line := receiver.recv_bytes():
        with suppress(OSError):  # whoever read stderr is gone; the lines are taken all the same, or the senders wait
            _tell(reporter, line.decode(errors="replace"))


def _tell(reporter: Reporter, text: str) -> None:
    if text.startswith(WARNING):
        reporter.warn(text.removeprefix(WARNING))
    else:
        reporter.say(text)


def sender_of(lines: Connection) -> Callable[[str], None]:
    """Return what sends a line; empty ones are left out, and of long ones what may hold values of rows."""

    def send(text: str) -> None:
        line = text.encode()
        if len(line) > LONGEST:  # the cut may lie within a quotation, whose end is what keeps it out of logs
            line = loggable(text).encode()[:LONGEST]
        if line.strip():
            lines.send_bytes(line)

    return send


class Speaker(LineStream):
    """A text stream that sends whole lines, for what code prints and warns of: nobody knows what they hold."""

    def __init__(self, send: Callable[[str], None]) -> None:
        super().__init__(lambda line: send(quoted(line, "[a line that a process printed is not logged]")))


def speak_through(send: Callable[[str], None]) -> None:
    """Send what this process prints from now on as lines: its parent owns stdout and stderr."""
    sys.stdout = sys.stderr = Speaker(send)
