"""The command line: it parses, calls one function, prints, and maps errors to exit codes; nothing else."""

from __future__ import annotations

import os
import signal

from pipeline.cli.ending import EXIT_CODE

__all__ = ["main"]


def main() -> None:
    """Run the command line; SIGTERM ends it from the first moment, as process 1 of a container, too."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_CODE))  # nothing is begun, nothing is to be put away
    from pipeline.cli.app import main as run

    run()
