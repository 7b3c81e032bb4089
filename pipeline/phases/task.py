"""One of the tasks that share the work of a phase."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.errors import RequestError

INDEX, COUNT, ATTEMPT = "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "CLOUD_RUN_TASK_ATTEMPT"
"""Environment variables that Cloud Run sets for each task of a job."""

NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Task:
    """One of the tasks that share the work of a phase.

    Parameters
    ----------
    index, count
        Number of the task, from 0, and number of tasks.
    attempt
        0 for the first attempt, more for retries.
    """

    index: int = 0
    count: int = 1
    attempt: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Task:
        """Return the task that Cloud Run's environment variables name; without them, the only task.

        Raises
        ------
        RequestError
            A variable is not a number, or the index is not below the count.
        """
        texts = {name: environment.get(name, default) for name, default in ((INDEX, "0"), (COUNT, "1"), (ATTEMPT, "0"))}
        wrong = next((name for name, text in texts.items() if not NUMBER.fullmatch(text)), None)
        if wrong:
            raise RequestError(f"{wrong} is {texts[wrong][:40]!r}", hint="Cloud Run sets it to a number")
        task = cls(int(texts[INDEX]), int(texts[COUNT]), int(texts[ATTEMPT]))
        if task.index >= task.count:
            raise RequestError(f"{INDEX} is {task.index} of {task.count} tasks", hint="tasks count from 0")
        return task

    def share(self, shards: Iterable[int]) -> list[int]:
        """Return the shards of this task: those whose number modulo the count of tasks is its index."""
        return [shard for shard in shards if shard % self.count == self.index]


ALONE = Task()
"""The only task."""
