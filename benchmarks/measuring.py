"""Seconds, CPU and memory, measured alternately."""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

from tools.dockerfile import stages_of

PIPELINE = [sys.executable, "-c", "from pipeline.cli import main; main()"]


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def ratio(ours: Callable[[], Any], other: Callable[[], Any], pairs: int) -> float:
    """Return the median ratio of the seconds of two calls, after one of each that does not count."""
    ours(), other()
    return statistics.median(seconds_of(ours) / seconds_of(other) for _ in range(pairs))


def cpu_of(command: Sequence[str], rounds: int, **options: Any) -> float:
    """Return the median user and system time of a command in seconds, after one run that does not count."""
    taken = []
    for _ in range(rounds + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(command, **options)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken[1:])


def run(command: Sequence[str], **options: Any) -> str:
    """Run a command and return its output.

    Raises
    ------
    SystemExit
        It failed; the message is its stderr.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def high_water() -> float:
    """Return peak memory of this process in MiB; on Linux `getrusage` would count the parent process, too."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kibibytes) / 1024


def resident() -> float:
    """Return the memory of this process in MiB."""
    return float(psutil.Process().memory_info().rss) / 1024**2


def memory_settings() -> dict[str, str]:
    """Return the environment variables of the image that decide how memory is given back to the machine."""
    image = stages_of(Path("Dockerfile").read_text(encoding="utf-8"))[-1]
    variables = {name: value for line in image.of("ENV") for name, value in line.pairs.items()}
    return {name: variables[name] for name in ("ARROW_DEFAULT_MEMORY_POOL", "MALLOC_MMAP_THRESHOLD_")}


def elsewhere(function: Callable[..., Any], *arguments: Any, environment: Mapping[str, str] | None = None) -> Any:
    """Return what a function returns in a new process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, function, arguments))
    with patch.dict(os.environ, environment or {}):
        process.start()
    theirs.close()
    result = ours.recv()
    process.join()
    return result


def _send(line: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    line.send(function(*arguments))
