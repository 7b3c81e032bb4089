"""Who does the work of a run date: this process, or a pool of processes of which each may be killed alone."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from pebble import ProcessExpired, ProcessPool

from pipeline.base.progress import Stopwatch
from pipeline.cloud.bigquery.labels import job_labels
from pipeline.errors import PipelineError, ProcessLost
from pipeline.phases.backfill.worker import Place, Work, begin, listening, predictions_of, without_bars, work_on
from pipeline.phases.summary import Summary
from pipeline.project.project import Job
from pipeline.runs.session import Session

GO_ON = "run the same command again to go on, with a smaller --parallel if memory is short"


END_SECONDS = 3.0
"""How long processes have to put away what they hold."""


Start = Callable[[date], "Future[Summary]"]


@contextmanager
def starter(session: Session, job: Job, work: Work, processes: int) -> Iterator[Start]:
    """Yield what starts the work of a run date; processes that still run at the end of the block are ended."""
    if processes == 1:
        yield partial(_work_here, without_bars(session), job, work)
        return
    # Not forked: Google's clients and OpenMP have threads, which a fork would leave in the middle of what they do.
    context = multiprocessing.get_context("spawn")
    place = Place(session.project.root, session.target)
    others = set(multiprocessing.active_children())
    with listening(session.reporter) as lines:
        pool = ProcessPool(processes, initializer=begin, initargs=(place, dict(job_labels()), lines), context=context)
        try:
            _start(pool)
            yield lambda day: pool.schedule(work_on, (job, day, work))
        finally:
            pool.stop()
            _end(set(multiprocessing.active_children()) - others)
            pool.join()


def _start(pool: ProcessPool) -> None:
    """Start the processes, and what replaces them, deaf to Ctrl-C from their first moment: this process ends them."""
    resource_tracker.ensure_running()  # where it is started later it lets the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        _ = pool.active
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(processes: set[BaseProcess]) -> None:
    """End processes, all at once and in time; the pool does that one by one, and expects none to be starting yet."""
    for process in processes:
        process.terminate()
    watch = Stopwatch()
    for process in processes:
        process.join(max(0.0, END_SECONDS - watch.seconds))
        process.kill()


def _work_here(session: Session, job: Job, work: Work, day: date) -> Future[Summary]:
    future: Future[Summary] = Future()
    try:
        future.set_result(predictions_of(session, job, day, work))
    except PipelineError as error:
        future.set_exception(error)
    return future


def outcome(job: Job, day: date, future: Future[Summary]) -> Summary | PipelineError:
    """Return what became of a run date; a bug is raised.

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
        return ProcessLost(f"{job.name} {day}: its process {_ended(error.exitcode)}", hint=GO_ON)
    except BrokenProcessPool as error:
        raise ProcessLost(f"{job.name}: the processes of the backfill end at their start", hint=GO_ON) from error


def _ended(exit_code: int) -> str:
    return f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with {exit_code}"
