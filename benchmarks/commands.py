"""CPU time of interactive commands, and the heavy imports of `pipeline --help`."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

TARGETS = {"--help": 0.25, "sql check": 2.0}
"""Target of the CPU time of each command, in seconds."""

HEAVY = ("google", "pandas", "sklearn", "polars", "pyarrow", "numpy")
COMMAND = "from pipeline.cli.app import run; run({arguments!r})"
IMPORTED = f"{COMMAND.format(arguments=['--help'])}; import sys; print([n for n in {HEAVY!r} if n in sys.modules])"


def cpu_seconds(command: str) -> float:
    """Return user and system time of one command, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = COMMAND.format(arguments=command.split())
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report() -> None:
    """Measure the commands and print their CPU time."""
    for command, target in TARGETS.items():
        cpu_seconds(command)  # the first check of a machine compiles the analyzer
        seconds = statistics.median(cpu_seconds(command) for _ in range(5))
        verdict = "met" if seconds < target else "MISSED"
        print(f"pipeline {command}: {seconds:.3f} s of CPU (median of 5; target under {target}: {verdict})")
    shown = subprocess.run([sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True)
    print(f"pipeline --help imports of {', '.join(HEAVY)}: {shown.stdout.splitlines()[-1]}")
