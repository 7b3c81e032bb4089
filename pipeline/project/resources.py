"""Keys `schedule` and `resources` of job.yaml: when a deployed job runs, and what each phase may use.

The limits are from https://cloud.google.com/run/docs/configuring/jobs/cpu and .../jobs/memory-limits, of
.../jobs/task-timeout (a day; longer ones are in preview) and of .../jobs/max-retries.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from pipeline.base.strict_yaml import Strict, in_words

MEBIBYTES = {"Mi": 1, "Gi": 1024}

MOST_PER_CPU = 4 * 1024
"""Largest memory of a task, in MiB for each CPU."""

MEMORY = in_words(r"^[1-9][0-9]{0,5}(Mi|Gi)$", "a size such as 512Mi or 4Gi")

TIME = in_words(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day with two digits each, such as 04:30")

LEAST = {1: 512, 2: 512, 4: 2 * 1024, 6: 4 * 1024, 8: 4 * 1024}
"""Smallest memory of a task, in MiB, by its number of CPUs."""


class Schedule(Strict):
    """When a job runs every day.

    Parameters
    ----------
    daily_at
        Wall clock time in the job's time zone, `HH:MM`, at least an hour after the run's `as_of`. The default is four
        hours after it, when clocks have been changed.
    """

    daily_at: str | None = Field(default=None, pattern=TIME)


class PhaseResources(Strict):
    """Resources of a task of a phase.

    Parameters
    ----------
    memory
        `512Mi` or more, at most 4 GiB for each CPU. Temporary files count, too.
    timeout_minutes
        Timeout of one attempt; a call that catches up does up to seven run dates.
    retries
        Attempts after the first one failed.
    """

    cpu: Literal[1, 2, 4, 6, 8] = 1
    memory: str = Field(default="2Gi", pattern=MEMORY)
    timeout_minutes: int = Field(default=120, ge=1, le=24 * 60)
    retries: int = Field(default=3, ge=0, le=10)

    @model_validator(mode="after")
    def _memory_fits_the_cpus(self) -> PhaseResources:
        number, unit = re.findall(r"\d+|\D+", self.memory)
        least, most = LEAST[self.cpu], MOST_PER_CPU * self.cpu
        if not least <= int(number) * MEBIBYTES[unit] <= most:
            raise ValueError(f"memory: {self.memory} with cpu {self.cpu} must be {least}Mi to {most}Mi")
        return self


class TrainResources(PhaseResources):
    """Resources of training: one task fits all variants, one after the other."""

    cpu: Literal[1, 2, 4, 6, 8] = 4
    memory: str = Field(default="16Gi", pattern=MEMORY)
    timeout_minutes: int = Field(default=240, ge=1, le=24 * 60)


class PredictResources(PhaseResources):
    """Resources of prediction.

    Parameters
    ----------
    tasks
        Number of parallel tasks that share the shards. The default is one for each shard, at most ten.
    """

    cpu: Literal[1, 2, 4, 6, 8] = 2
    memory: str = Field(default="4Gi", pattern=MEMORY)
    tasks: int | None = Field(default=None, ge=1, le=1000)


class Resources(Strict):
    """Resources of each phase."""

    preprocess: PhaseResources = PhaseResources()
    train: TrainResources = TrainResources()
    predict: PredictResources = PredictResources()
    load: PhaseResources = PhaseResources()
    evaluate: PhaseResources = PhaseResources()


PHASES = tuple(Resources.model_fields)
"""Names of the phases in their order."""
