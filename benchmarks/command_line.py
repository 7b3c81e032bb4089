"""CPU time of `pipeline --help`, and what it imports."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

TARGET_SECONDS = 0.25
HEAVY = ("google", "pandas", "sklearn", "polars", "pyarrow", "numpy")
HELP = "from pipeline.cli.app import run; run(['--help'])"
IMPORTED = f"{HELP}; import sys; print([name for name in {HEAVY!r} if name in sys.modules])"


def cpu_seconds() -> float:
    """User and system time of one `pipeline --help`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", HELP], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report() -> None:
    seconds = statistics.median(cpu_seconds() for _ in range(7))
    verdict = "met" if seconds < TARGET_SECONDS else "MISSED"
    print(f"pipeline --help: {seconds:.3f} s of CPU (median of 7; target under {TARGET_SECONDS}: {verdict})")
    shown = subprocess.run([sys.executable, "-c", IMPORTED], check=True, capture_output=True, text=True)
    print(f"pipeline --help imports of {', '.join(HEAVY)}: {shown.stdout.splitlines()[-1]}")
