"""The kill-point matrix: `python -m tests.faults.matrix --minutes 30`.

For every call of a full run, the process is killed just before the call is sent and just after the server has executed
it. Then the run is repeated, and its results must equal those of an undisturbed run. The same holds for every kind of
fault on every kind of call, for SIGTERM, between phases in separate processes, for two processes at once, and when an
older generation is replaced.
"""

from __future__ import annotations

import pipeline.cloud.retries

# Faults that hang would take minutes. These values are set before other modules import them.
pipeline.cloud.retries.CALL_TIMEOUT = 3.0
pipeline.cloud.retries.TRANSFER_TIMEOUT = 3.0
pipeline.cloud.retries.TRANSIENT_DEADLINE = 10.0
pipeline.cloud.retries.UNREACHABLE_DEADLINE = 3.0

import argparse  # noqa: E402
import multiprocessing  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from multiprocessing.connection import Connection, wait  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from tests.faults.lab import Lab  # noqa: E402
from tests.faults.points import Place, Point, all_points, in_order, subset  # noqa: E402
from tests.faults.table import Row, as_table  # noqa: E402
from tests.support import orphans  # noqa: E402
from tests.support.integration_fixtures import COMMAND  # noqa: E402

fork = multiprocessing.get_context("fork")


def main() -> int:
    """Run the matrix, print its table, and return 1 if rows were lost, duplicated or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="time limit; points beyond it are counted as not run"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--subset", type=int, default=0, help="number of points, spread over all groups; 0 runs all")
    parser.add_argument("--only", default="", help="run points whose name contains this text")
    parser.add_argument(
        "--seed", type=int, default=datetime.now(UTC).toordinal(), help="seed of the order; default: the date"
    )
    options = parser.parse_args()
    # Without this variable, a client on macOS asks the system for its proxies, which a forked process cannot do.
    os.environ.setdefault("no_proxy", "127.0.0.1,localhost")
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        orphans.end_with_this_process(Path(name))
        place = prepare(Path(name))
        points = [point for point in all_points(place) if options.only in point.name]
        if options.subset:
            points = subset(points, options.subset, options.seed)
        else:  # a time limit leaves out some points of every group, and other points on another day
            points = in_order(points, options.seed)
            print(f"{len(points)} points in the order of --seed {options.seed}", flush=True)
        started = time.monotonic()
        rows = run_points(place, points, options.workers, started + 60 * options.minutes)
    print(as_table(points, rows, time.monotonic() - started))
    return int(any(row.is_wrong for row in rows))


def prepare(folder: Path) -> Place:
    """Return the saved states, with an undisturbed run from each."""
    # Not in this process: a process with threads must not be forked.
    subprocess.run([*COMMAND, "fixtures", "flight_delay", "--out", str(folder / "tiny"), "--seed", "7"], check=True)
    lab = Lab(folder / "prepared")
    try:
        return Place.prepared(folder, lab)
    finally:
        lab.servers.close()


def run_points(place: Place, points: Sequence[Point], workers: int, deadline: float) -> list[Row]:
    """Return the rows of the points that workers run until the deadline."""
    following = fork.Value("i", 0)
    lines, processes = [], []
    for number in range(workers):
        ours, theirs = fork.Pipe(duplex=False)
        process = fork.Process(target=_work, args=(place, points, number, following, deadline, theirs))
        process.start()
        theirs.close()
        lines.append(ours)
        processes.append(process)
    rows = list(_collect(lines, len(points)))
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a worker process died before it finished its points; see its traceback above")
    return rows


def _collect(lines: list[Connection], count: int) -> Any:
    done = 0
    while lines:
        for line in wait(lines):
            assert isinstance(line, Connection)
            try:
                row = line.recv()
            except EOFError:
                lines.remove(line)
                continue
            done += 1
            if row.is_wrong:
                print(f"\nWRONG {row}\n  {row.explanation}", flush=True)
            elif sys.stdout.isatty() or done % 20 == 0:
                print(f"{done}/{count} {row.point}", end="\r" if sys.stdout.isatty() else "\n", flush=True)
            yield row


def _work(
    place: Place, points: Sequence[Point], number: int, following: Any, deadline: float, line: Connection
) -> None:
    lab = Lab(place.folder / f"worker-{number}", place.parsed)
    try:
        while time.monotonic() < deadline:
            with following.get_lock():
                index, following.value = following.value, following.value + 1
            if index >= len(points):
                return
            line.send(points[index].row(lab))
    finally:
        lab.servers.close()


if __name__ == "__main__":
    sys.exit(main())
