"""`make bench`: measures speed against the same work by hand, and prints one table of what was measured and the goals.

`python -m benchmarks status day` runs only these benchmarks. Values of both sides are measured alternately, so that
other work on the machine hits both. With the default sizes the values are written to benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from benchmarks.goals import GOALS, RESULTS, plain_table, read_results, write_results
from benchmarks.sizes import DEFAULT, FULL, SMALL, Sizes
from pipeline.emulators.state import HOST

MODULES = {
    "help": "commands:measure_help",
    "sql": "commands:measure_sql_check",
    "status": "commands:measure",
    "day": "run_by_hand:measure",
    "page": "dashboard:measure",
    "read": "read_frame:measure",
    "write": "write_rows:measure",
    "publish": "publish:measure",
    "binary": "metrics_binary:measure",
    "ranking": "metrics_ranking:measure",
    "families": "metrics_families:measure",
    "recommend": "recommend:measure",
    "growth": "scale:measure",
}
"""Module and function of each benchmark; the function takes sizes and returns a value for each of its goals."""


def main() -> None:
    """Run benchmarks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmarks", nargs="*", choices=[[], *MODULES], help="default: all", metavar="NAME")
    parser.add_argument("--pairs", type=int, help="number of alternating measurements of both")
    parser.add_argument("--full", action="store_true", help="also 10,000,000 rows a day; takes an hour")
    parser.add_argument("--small", action="store_true", help="small sizes, to see that it works; writes no results")
    parser.add_argument("--local-dir", type=Path, help="folder of a local target with the demo; default: a new one")
    options = parser.parse_args()
    os.environ.update(no_proxy=HOST, NO_PROXY=HOST)  # the bare clients of the work by hand read it
    sizes = SMALL if options.small else FULL if options.full else DEFAULT
    sizes = replace(sizes, pairs=options.pairs or sizes.pairs, local_dir=options.local_dir)
    names = [name for name in MODULES if name in (options.benchmarks or MODULES)]
    measured: dict[str, float] = {}
    for name in names:  # in the order of the modules: the demo is copied before the flight day is measured
        started = time.perf_counter()
        print(f"benchmark {name} ...", file=sys.stderr, flush=True)
        measured |= function_of(name)(sizes)
        print(f"benchmark {name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print(plain_table(measured, [goal for goal in GOALS if goal.benchmark in names]))
    if options.small:
        print("small sizes: these numbers say only that the benchmarks work")
    else:
        write_results(read_results() | measured)
        print(
            f"written to {RESULTS.parent.name}/{RESULTS.name}; python -m benchmarks.goals updates docs/performance.md"
        )


def function_of(name: str) -> Callable[[Sizes], Mapping[str, float]]:
    """Return the function of a benchmark."""
    module, _, function = MODULES[name].partition(":")
    measure: Callable[[Sizes], Mapping[str, float]] = getattr(import_module(f"benchmarks.{module}"), function)
    return measure


if __name__ == "__main__":
    main()
