"""CPU time of interactive commands, of which most do nothing new, and the heavy imports of `pipeline --help`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import demo
from benchmarks.measuring import PIPELINE, cpu_of, run, seconds_of
from benchmarks.sizes import Sizes
from pipeline.emulators import lifecycle

ROUNDS = 3
"""Number of measurements: CPU time varies little."""

HEAVY = ("google", "pandas", "sklearn", "polars", "pyarrow", "numpy")
IMPORTED = f"""
import sys
from pipeline.cli.app import run
run(["--help"])
print(sum(name in sys.modules for name in {HEAVY!r}))
"""
BARE_CLIENTS = """
import sys
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

rest, gcs = sys.argv[1:]
client = bigquery.Client("pipeline-local", AnonymousCredentials(), client_options={"api_endpoint": rest})
list(client.query_and_wait("SELECT 1"))
bucket = storage.Client("pipeline-local", AnonymousCredentials(), client_options={"api_endpoint": gcs})
list(bucket.list_blobs("pipeline-local", max_results=1))
"""


def measure_help(sizes: Sizes) -> dict[str, float]:
    """Measure `pipeline --help`."""
    return {
        "help": cpu_of([*PIPELINE, "--help"], min(sizes.pairs, ROUNDS)),
        "help_imports": int(run([sys.executable, "-c", IMPORTED]).splitlines()[-1]),
    }


def measure_sql_check(sizes: Sizes) -> dict[str, float]:
    """Measure the check of all SQL without anything cached, and again; a user's cache is not used."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [*PIPELINE, "sql", "check", "--local-dir", str(Path(folder) / "local")]
        environment = os.environ | {"HOME": folder, "XDG_CACHE_HOME": str(Path(folder) / "cache")}
        first = seconds_of(lambda: run(command, env=environment))
        return {"sql_check_first": first, "sql_check": cpu_of(command, min(sizes.pairs, ROUNDS), env=environment)}


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure commands after the demo, each of which finds everything done."""
    place, last = demo.with_runs(sizes), demo.last_date(sizes)
    endpoints = lifecycle.up(place)
    span = ["--from", str(demo.FIRST[sizes.is_real]), "--to", str(last)]
    tiny = [] if sizes.is_real else ["--from", str(demo.tiny())]
    commands = {
        "status": ["status", "flight_delay"],
        "plan": ["plan", "flight_delay", *span],
        "models": ["models", "list", "flight_delay"],
        "report": ["report", "flight_delay", *span],
        "done_run": ["run", "flight_delay", "--run-date", str(last)],
        "sources": ["sources", "load", "flight_delay", *tiny],
        "dashboard": ["dashboard", "flight_delay", "--out", str(place / "page.html")],
    }
    bare = [sys.executable, "-c", BARE_CLIENTS, endpoints.bigquery, endpoints.storage]
    measured = {"bare_clients": cpu_of(bare, min(sizes.pairs, ROUNDS))}
    for name, command in commands.items():
        measured[name] = cpu_of([*PIPELINE, *command, "--local-dir", str(place)], min(sizes.pairs, ROUNDS))
    if not sizes.local_dir:
        demo.stop(place)
    return measured
