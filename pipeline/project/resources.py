"""What a deployed job asks of Cloud Run and Cloud Scheduler: when it runs, and what each phase may use.

The limits are those of https://cloud.google.com/run/docs/configuring/jobs/cpu and .../jobs/memory-limits, of
.../jobs/task-timeout (a day; longer ones are in preview) and of .../jobs/max-retries.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from pipeline.base.strict_yaml import Strict

MEBIBYTES = {"Mi": 1, "Gi": 1024}

MOST_PER_CPU = 4 * 1024
"""MiB of memory that a task may have for each CPU."""

MEMORY = r"^[1-9][0-9]{0,5}(Mi|Gi)$"

LEAST = {1: 512, 2: 512, 4: 2 * 1024, 6: 4 * 1024, 8: 4 * 1024}
"""MiB of memory that a task has to have, by its CPUs."""


class Schedule(Strict):
    """When a job runs every day.

    Parameters
    ----------
    daily_at
        Wall clock of the job's time zone, `HH:MM`: at least an hour after the moment that a run may know of. Four hours
        after it when not given: clocks are changed earlier in the night.
    """

    daily_at: str | None = Field(default=None, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")


class PhaseResources(Strict):
    """What a task of a phase may use.

    Parameters
    ----------
    memory
        `512Mi` or more, at most 4 GiB for each CPU; files that are written for a while lie in it, too.
    timeout_minutes
        How long one attempt may take; a call that catches up does seven run dates.
    retries
        Attempts after the first that failed.
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
    """What training may use: all variants are fitted in one task, one after the other."""

    cpu: Literal[1, 2, 4, 6, 8] = 4
    memory: str = Field(default="16Gi", pattern=MEMORY)
    timeout_minutes: int = Field(default=240, ge=1, le=24 * 60)


class PredictResources(PhaseResources):
    """What predicting may use.

    Parameters
    ----------
    tasks
        How many share the shards, all at once; one for each shard, at most ten, when not given.
    """

    cpu: Literal[1, 2, 4, 6, 8] = 2
    memory: str = Field(default="4Gi", pattern=MEMORY)
    tasks: int | None = Field(default=None, ge=1, le=1000)


class Resources(Strict):
    """What each phase may use; what is left out has the defaults."""

    preprocess: PhaseResources = PhaseResources()
    train: TrainResources = TrainResources()
    predict: PredictResources = PredictResources()
    load: PhaseResources = PhaseResources()
    evaluate: PhaseResources = PhaseResources()


PHASES = tuple(Resources.model_fields)
"""Names of the phases, in the order in which they run."""
