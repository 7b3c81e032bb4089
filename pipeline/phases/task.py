"""One of the tasks that share the work of a phase."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.errors import RequestError

INDEX, COUNT, ATTEMPT = "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "CLOUD_RUN_TASK_ATTEMPT"


INDEX, COUNT, ATTEMPT = "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "CLOUD_RUN_TASK_ATTEMPT"


INDEX, COUNT, ATTEMPT = "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", "CLOUD_RUN_TASK_ATTEMPT"


NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Task:
    """One of the tasks that share the work of a phase.

    Parameters
    ----------
    index
        From 0.
    count
        How many there are.
    attempt
        0 for the first, more for retries.
    """

    index: int = 0
    count: int = 1
    attempt: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Task:
        """Return the task of an environment: the only one outside of Cloud Run.

        Raises
        ------
        RequestError
            The variables are no numbers, or no task has this index.
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
        """Return the shards of this task: those whose number leaves its index when divided by the count."""
        return [shard for shard in shards if shard % self.count == self.index]


ALONE = Task()
"""The only task."""
