"""Start the work of run dates: in this process, or in a pool of processes, each of which may be killed alone."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from pebble import ProcessExpired, ProcessPool

from pipeline.base.progress import Stopwatch
from pipeline.cloud.bigquery.billing_labels import job_labels
from pipeline.errors import PipelineError, ProcessLost
from pipeline.phases.backfill.worker import Work, begin, listening, predictions_of, work_on
from pipeline.phases.summary import Summary
from pipeline.project.project import Job
from pipeline.runs.session import Session

Start = Callable[[date], "Future[Summary]"]
"""Starts the work of a run date."""

GO_ON = "run the same command again to resume, with a smaller --parallel if memory is short"

END_SECONDS = 3.0
"""Time for processes to clean up before they are killed."""


@contextmanager
def starter(session: Session, job: Job, work: Work, processes: int) -> Iterator[Start]:
    """Yield the function that starts the work of a run date; the end of the block ends processes that still run."""
    if processes == 1:
        yield lambda day: _work_here(session, job, work, day)
        return
    # Not forked: Google's clients and OpenMP have threads, which a fork would stop at any point.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with listening(session.reporter) as lines:
        initial = (session.project.root, session.target, dict(job_labels()), lines)
        pool = ProcessPool(processes, initializer=begin, initargs=initial, context=context)
        try:
            _start(pool)
            yield lambda day: pool.schedule(work_on, (job, day, work))
        finally:
            pool.stop()
            _end(set(multiprocessing.active_children()) - others)
            pool.join()


def _work_here(session: Session, job: Job, work: Work, day: date) -> Future[Summary]:
    future: Future[Summary] = Future()
    try:
        future.set_result(predictions_of(session, job, day, work))
    except PipelineError as error:
        future.set_exception(error)
    return future


def _start(pool: ProcessPool) -> None:
    """Start the processes so that they and their successors ignore Ctrl-C: this process ends them."""
    resource_tracker.ensure_running()  # started later, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        _ = pool.active
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(processes: set[BaseProcess]) -> None:
    """End processes together; the pool would end one after the other, and none that is still starting."""
    for process in processes:
        process.terminate()
    watch = Stopwatch()
    for process in processes:
        process.join(max(0.0, END_SECONDS - watch.seconds))
        process.kill()


def outcome(job: Job, day: date, future: Future[Summary]) -> Summary | PipelineError:
    """Return the summary of a run date, or the error with which it failed; a bug is raised.

    Raises
    ------
    ProcessLost
        No process could be started, so that no date can be worked on.
    """
    try:
        return future.result()
    except PipelineError as error:
        return error
    except ProcessExpired as error:
        code = error.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return ProcessLost(f"{job.name} {day}: its process {how}", hint=GO_ON)
    except BrokenProcessPool as error:
        raise ProcessLost(f"{job.name}: the processes of the backfill end at their start", hint=GO_ON) from error
