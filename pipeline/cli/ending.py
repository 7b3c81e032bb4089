"""The end of a process that got SIGTERM: put away what has to be, and be gone before Cloud Run kills it after 10 s."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time

from pipeline.cloud_run import EXECUTION

SECONDS = 7.0
"""Seconds after which the process ends whatever it does. What it leaves then is what any killed attempt leaves."""

EXIT_CODE = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM came: what has to be put away is put away, as after Ctrl-C."""


def end_on_sigterm(seconds: float = SECONDS) -> None:
    """From now on SIGTERM unwinds the main thread, and ends the process where that takes longer.

    Python calls a handler between two of its own instructions only. A thread that is woken by the signal itself counts
    the seconds, while the main one may be in a long fit or wait for an answer.
    """
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_count, args=(woken, wakes, seconds), daemon=True, name="sigterm").start()
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _count(woken: socket.socket, wakes: socket.socket, seconds: float) -> None:
    with woken, wakes:  # the signal's end lives as long as the thread
        while signal.SIGTERM not in woken.recv(1):
            pass
        time.sleep(seconds)
    os.write(2, _last_words(f"error: ended {seconds:.0f} s after SIGTERM - run the same command again to go on"))
    os._exit(EXIT_CODE)


def _last_words(message: str) -> bytes:
    """Return a line as people read it, or as an entry of Cloud Logging: the main thread may hold the log's lock."""
    entry = {"severity": "WARNING", "message": message, "exit_code": EXIT_CODE}
    return f"{json.dumps(entry) if os.environ.get(EXECUTION) else message}\n".encode()
