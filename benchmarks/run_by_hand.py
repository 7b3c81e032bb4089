"""Compares `pipeline run flight_delay` with the same work by hand, and measures the share of each phase."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from itertools import count
from statistics import median
from time import perf_counter

from benchmarks import demo
from benchmarks.goals import PHASES
from benchmarks.measuring import PIPELINE, ratio, run
from benchmarks.sizes import Sizes
from pipeline.emulators import lifecycle

DAYS_BEFORE = {True: 61, False: 0}
"""Days from the first measured date to the demo's first: its dates must not become due while it is measured."""


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure pairs of runs; their labels have not matured, so neither side evaluates."""
    place = demo.loaded(sizes)
    endpoints = lifecycle.up(place)
    first = demo.FIRST[sizes.is_real] - timedelta(days=DAYS_BEFORE[sizes.is_real])
    numbers, taken = {"ours": count(), "hand": count()}, list[dict[str, float]]()

    def day(side: str) -> str:  # two alternating days never mature: the delay of labels is two days
        return str(first + timedelta(days=next(numbers[side]) % 2))

    def ours() -> None:
        where, started = ["--local-dir", str(place), "--json"], perf_counter()
        out = run([*PIPELINE, "run", "flight_delay", "--run-date", day("ours"), "--rerun", *where])
        taken.append(json.loads(out)["seconds"] | {"all": perf_counter() - started})

    def by_hand() -> None:
        addresses = [endpoints.bigquery, endpoints.bigquery_storage, endpoints.storage]
        run([sys.executable, "-m", "benchmarks.by_hand", day("hand"), *addresses])

    measured = {"day": ratio(ours, by_hand, sizes.pairs)}
    demo.stop(place)
    seconds = {name: median(each[name] for each in taken[1:]) for name in (*PHASES, "all")}
    shares = {f"share_{phase}": 100 * seconds[phase] / seconds["all"] for phase in PHASES}
    return measured | shares | {"share_rest": 100 - sum(shares.values())}
