"""A process that has imported what tests of faults need, and forks a process of pytest for each guard.

`python -m tests.faults.without` reads a line of JSON for each process: the `arguments` of pytest and the `log` of its
output. It writes exit codes and ends when its input ends. A fork needs none of the imports, which take longer than most
tests. Like each process of pytest with a guard switched off, it has imported the pipeline and no test: a test that
imports a function from the pipeline gets the patched one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

PATIENCE = 120
"""Seconds that a process of pytest may take; SIGALRM ends it, which is no failure of a test."""


class Pytest:
    """Runs pytest in forked processes, one after the other.

    Parameters
    ----------
    log
        File of the output of the last process.
    """

    def __init__(self, log: Path, root: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Return the exit code and the output of pytest with arguments."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"arguments": arguments, "log": str(self._log)}), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline()), self._log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End the process that forks."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
        self._process.stdout.close()


def main() -> None:
    """Import, and fork until the input ends."""
    import tests.faults.patches  # noqa: F401 - the pipeline and its libraries

    for line in sys.stdin:
        asked = json.loads(line)
        print(_end_of(_fork(asked["arguments"], Path(asked["log"]))), flush=True)


def _fork(arguments: list[str], log: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 3  # pytest's own for an internal error
    try:
        signal.alarm(PATIENCE)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(file, stream)
        code = int(pytest.main(arguments))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
