"""Local targets for benchmarks: one with loaded sources, and one with the demo week."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from benchmarks.measuring import PIPELINE, run
from benchmarks.sizes import Sizes
from tests.support import orphans

FIRST = {True: date(2013, 7, 1), False: date(2013, 6, 20)}
"""First run date of the real flights, and of the tiny data set."""


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    orphans.end_with_this_process(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def loaded(sizes: Sizes) -> Path:
    """Return the folder of a local target with the flights and without runs; its emulators are stopped."""
    place = _folder() / "loaded"
    source = ["--from", str(tiny())] if not sizes.is_real else []
    run([*PIPELINE, "sources", "load", "flight_delay", *source, "--local-dir", str(place)])
    stop(place)
    return place


@cache
def tiny() -> Path:
    """Return the folder of the tiny data set."""
    run([*PIPELINE, "fixtures", "flight_delay", "--out", str(_folder() / "tiny")])
    return _folder() / "tiny"


@cache
def with_runs(sizes: Sizes) -> Path:
    """Return the folder of a local target with the demo week, evaluated; its emulators run."""
    if sizes.local_dir:
        return sizes.local_dir
    place = _folder() / "demo"
    shutil.copytree(loaded(sizes), place)
    where, first, last = ["--local-dir", str(place)], FIRST[sizes.is_real], last_date(sizes)
    span = ["--from", str(first), "--to", str(last), "--parallel", "2"]
    run([*PIPELINE, "backfill", "flight_delay", *span, *where])
    run([*PIPELINE, "evaluate", "flight_delay", "--as-of", str(last + timedelta(days=2)), *where])
    return place


def last_date(sizes: Sizes) -> date:
    """Return the last run date of the demo."""
    return FIRST[sizes.is_real] + timedelta(days=sizes.days - 1)


def stop(place: Path) -> None:
    """Stop the emulators of a folder."""
    run([*PIPELINE, "local", "down", "--local-dir", str(place)])
