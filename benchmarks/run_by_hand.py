"""Compares `pipeline run flight_delay` with the same work by hand, measured alternately on the same target."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

TARGET_RATIO = 1.5
FIRST = date(2013, 5, 1)
PIPELINE = [sys.executable, "-c", "from pipeline.cli import main; main()"]


def report(local_dir: Path, pairs: int) -> None:
    """Measure pairs of runs; their labels have not matured, so neither side evaluates."""
    place = ["--local-dir", str(local_dir)]
    subprocess.run([*PIPELINE, "local", "up", *place], check=True)
    try:
        endpoints = _endpoints(place)
        if not (local_dir / "loaded").exists():
            subprocess.run(
                [*PIPELINE, "sources", "load", "flight_delay", *place], check=True, stderr=subprocess.DEVNULL
            )
            (local_dir / "loaded").touch()
        _measure(place, endpoints, pairs)
    finally:
        subprocess.run([*PIPELINE, "local", "down", *place], check=True)


def _measure(place: list[str], endpoints: list[str], pairs: int) -> None:
    _by_hand(FIRST, endpoints)  # the first fit and query of a machine compile code and fill caches
    _pipeline(FIRST, place)
    print(f"{'run date':12} {'pipeline run':>13} {'by hand':>10} {'ratio':>7}")
    ratios = []
    for number in range(1, pairs + 1):
        day = FIRST + timedelta(days=number % 2)  # two alternating days never mature: the delay of labels is two days
        ran, hand = _pipeline(day, place, "--rerun"), _by_hand(day, endpoints)
        ratios.append(ran / hand)
        print(f"{day!s:12} {ran:11.2f} s {hand:8.2f} s {ratios[-1]:7.2f}")
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f} (target at most {TARGET_RATIO}: {'met' if median <= TARGET_RATIO else 'MISSED'})")


def _endpoints(place: list[str]) -> list[str]:
    shown = subprocess.run([*PIPELINE, "local", "status", "--json", *place], check=True, capture_output=True, text=True)
    status = json.loads(shown.stdout)
    return [status["bigquery"], status["bigquery_storage"], status["storage"]]


def _pipeline(day: date, place: list[str], *options: str) -> float:
    return _seconds([*PIPELINE, "run", "flight_delay", "--run-date", str(day), *place, *options])


def _by_hand(day: date, endpoints: list[str]) -> float:
    return _seconds([sys.executable, "-m", "benchmarks.by_hand", str(day), *endpoints])


def _seconds(command: list[str]) -> float:
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return perf_counter() - started
