"""Ports of this machine, on the loopback address only."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"
BIGQUERY, BIGQUERY_STORAGE, STORAGE = 9050, 9060, 4443  # where the emulators' own documentation puts them


def is_free(port: int) -> bool:
    """Tell whether nobody holds a port; 0, which means any port, is always free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick_free() -> int:
    """Return a port that nobody held a moment ago; whoever starts a server on it must be ready to try again."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
