"""The Cloud Run task that this process is, and permanent failures of its earlier attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipeline.errors import CheckError, PermissionMissing, PipelineError, RequestError
from pipeline.phases.task import Task
from pipeline.runs.layout import JobLayout

if TYPE_CHECKING:
    from pipeline.base.progress import Reporter
    from pipeline.cloud.storage.store import Store

EXECUTION = "CLOUD_RUN_EXECUTION"
"""With the variables of `Task` the only environment variable that a run reads."""

PERMANENT: dict[int, type[PipelineError]] = {
    error.exit_code: error for error in (RequestError, CheckError, PermissionMissing)
}
"""Errors that come again if the same command is repeated within minutes, by exit code."""


@dataclass(frozen=True)
class Execution:
    """An execution of a Cloud Run job; all its tasks and attempts share its name. This process is one of the tasks."""

    name: str
    task: Task

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Execution | None:
        """Return the execution that environment variables describe; None outside of Cloud Run.

        Raises
        ------
        RequestError
            The variables of the task are not valid.
        """
        name = environment.get(EXECUTION)
        return cls(name, Task.of(environment)) if name else None


@dataclass(frozen=True)
class Failure:
    """A permanent failure of a task."""

    attempt: int
    exit_code: int
    message: str


@contextmanager
def remembered(execution: Execution | None, store: Store, job: str, reporter: Reporter) -> Iterator[None]:
    """Run the body as an attempt of a task, unless an earlier attempt of the task failed permanently.

    A new execution tries again, because the cause may be fixed by then. Outside of Cloud Run nothing is recorded.

    Raises
    ------
    PipelineError
        The earlier attempt failed permanently; the class and exit code are those of its error.
    """
    if execution is None:
        yield
        return
    uri = JobLayout(store.uri(), job).failure(execution.name, execution.task.index)
    if execution.task.attempt:
        from pipeline.base.stored_json import record_of  # pydantic: every command would wait for it

        content = store.read_json(uri)
        if content is not None:
            known = record_of(Failure, content, uri)
            message = f"attempt {known.attempt} failed permanently, so this attempt does nothing: {known.message}"
            raise PERMANENT.get(known.exit_code, PipelineError)(message)
    try:
        yield
    except tuple(PERMANENT.values()) as error:
        _record(store, uri, Failure(execution.task.attempt, error.exit_code, error.loggable), reporter)
        raise


def _record(store: Store, uri: str, failure: Failure, reporter: Reporter) -> None:
    try:
        store.put_json_once(asdict(failure), uri)
    except PipelineError as error:  # the failure itself matters more than its record
        reporter.warn(f"{uri}: cannot be written, so the next attempt tries again: {error.given}")
