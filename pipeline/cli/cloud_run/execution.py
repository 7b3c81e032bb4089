"""What Cloud Run tells a process: which task of how many it is. No other environment variable is read for a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from pipeline.base.progress import Reporter
from pipeline.base.stored_json import record_of
from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError, PermissionMissing, PipelineError, RequestError
from pipeline.phases.task import Task

EXECUTION = "CLOUD_RUN_EXECUTION"


@dataclass(frozen=True)
class Execution:
    """The execution of a Cloud Run job that this process is a task of: its name, which all tasks and attempts share."""

    name: str
    task: Task

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Execution | None:
        """Return the execution of an environment; None outside of Cloud Run.

        Raises
        ------
        RequestError
            The variables of its task are wrong.
        """
        name = environment.get(EXECUTION)
        return cls(name, Task.of(environment)) if name else None


PERMANENT: dict[int, type[PipelineError]] = {
    error.exit_code: error for error in (RequestError, CheckError, PermissionMissing)
}
"""Errors that the same command meets again, whenever it is repeated within minutes."""


@dataclass(frozen=True)
class Failure:
    """A permanent failure of a task."""

    attempt: int
    exit_code: int
    message: str


@contextmanager
def remembered(execution: Execution | None, store: Store, job: str, reporter: Reporter) -> Iterator[None]:
    """Do what a task has to do, unless an earlier attempt of it failed for good.

    A new execution tries anew: somebody may have mended the cause. Outside of Cloud Run nothing is remembered.

    Raises
    ------
    PipelineError
        That of the attempt before, with its exit code.
    """
    if execution is None:
        yield
        return
    uri = store.uri(job, "failures", execution.name, f"task-{execution.task.index:05d}.json")
    if execution.task.attempt:
        _refuse_hopeless(store, uri)
    try:
        yield
    except tuple(PERMANENT.values()) as error:
        _remember(store, uri, Failure(execution.task.attempt, error.exit_code, error.loggable), reporter)
        raise


def _refuse_hopeless(store: Store, uri: str) -> None:
    found = store.read_json(uri)
    if found is not None:
        known = record_of(Failure, found, uri)
        what = f"attempt {known.attempt} failed for good, so this one does nothing: {known.message}"
        raise PERMANENT.get(known.exit_code, PipelineError)(what)


def _remember(store: Store, uri: str, failure: Failure, reporter: Reporter) -> None:
    try:
        store.put_json_once(asdict(failure), uri)
    except PipelineError as error:  # what failed matters more than that nobody will know it
        reporter.warn(f"{uri}: not written, so the next attempt tries again: {error.given}")
