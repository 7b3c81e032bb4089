"""Phases in separate processes, which a signal ends at a chosen moment."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from google.cloud import bigquery

from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.phases.run import run_job, run_phase
from pipeline.project.project import Job
from pipeline.project.target import Target
from pipeline.rows.jsonl import write_rows
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts import predictions
from tests.faults.victims import session_at

PATIENCE = 60.0

# This process has threads, so it must not be forked: a server with all imports and no threads is forked instead.
server = multiprocessing.get_context("forkserver")
server.set_forkserver_preload(["tests.faults.doomed"])

Doom = Callable[[int], None]


def start(target: Target, job: Job, day: date, phase: str, doom: Doom | None = None, ends_by: int = 0) -> Any:
    """Start a phase, or `run`, in a process and return the process."""
    process = server.Process(target=_carry_out, args=(target, job, day, phase, doom, ends_by))
    process.start()
    return process


def end_of(process: Any) -> int:
    """Wait for a process and return its exit code, or the negative number of its signal."""
    process.join(PATIENCE)
    assert process.exitcode is not None, "the process does not end"
    return int(process.exitcode)


def _carry_out(target: Target, job: Job, day: date, phase: str, doom: Doom | None, ends_by: int) -> None:
    session = session_at(target)
    if doom:
        doom(ends_by)
    if phase == "run":
        run_job(session, job, day)
    else:
        run_phase(session, job, day, phase)


def once_the_load_is_accepted(ends_by: int) -> None:
    """End the process when BigQuery has accepted its load job."""
    accepted = bigquery.Client.load_table_from_uri

    def load(*args: Any, **options: Any) -> None:
        accepted(*args, **options)
        os.kill(os.getpid(), ends_by)

    bigquery.Client.load_table_from_uri = load  # type: ignore[method-assign]


def once_it_is_published(ends_by: int) -> None:
    """End the process after the publishing statement and before its event in the ledger."""
    execute = Warehouse.execute

    def publish(self: Warehouse, *args: Any, **options: Any) -> int:
        changed = execute(self, *args, **options)
        if options["step"].endswith("-publish"):
            os.kill(os.getpid(), ends_by)
        return changed

    Warehouse.execute = publish  # type: ignore[method-assign]


def in_the_second_shard(ends_by: int) -> None:
    """End the process while it writes its second shard."""
    written: list[Path] = []

    def write(rows: pd.DataFrame, schema: Schema, path: Path) -> int:
        written.append(path)
        count = write_rows(rows, schema, path)
        if len(written) == 2:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            shutil.rmtree(path.parent)  # a killed process cannot remove its temporary files
            os.kill(os.getpid(), signal.Signals(ends_by))
        return count

    predictions.write_rows = write  # type: ignore[attr-defined]
