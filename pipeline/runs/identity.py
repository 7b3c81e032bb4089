"""The identity of a run: a digest of everything that decides its predictions, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.base.dates import parse_date
from pipeline.base.digests import canonical_json, digest_json
from pipeline.errors import RequestError
from pipeline.project.code import code_digests
from pipeline.project.job_yaml import LABEL
from pipeline.project.project import Job, variant_name
from pipeline.sql import Catalogue

PARTS = {"sql": "SQL", "sources": "source"}
"""Parts of a definition that hold a value for each name, with the word before such a name."""

OUTPUT = ("prediction_schema", "prediction_version", "shards")
"""Parts of a definition that change no training row and no model."""

RUN_ID = re.compile(r"([a-z][a-z0-9_]{0,39})-(\d{4}-\d{2}-\d{2})-([0-9a-f]{10})", re.ASCII)
"""Form of a run id; its date may still be no calendar date."""


@dataclass(frozen=True)
class RunName:
    """The id of a run, with the job and run date in it."""

    run_id: str
    job: str
    run_date: date


def as_written(name: str) -> str:
    """Return the name of a SQL asset as people write it: `<name>@v<N>`."""
    return re.sub(r"_v(?=\d+$)", "@v", name)


def run_definition(job: Job, catalogue: Catalogue) -> dict[str, Any]:
    """Return everything that decides the predictions of a job: the same definition gives the same predictions.

    Schedule, resources, gate, metrics and the git commit are not part of it.
    """
    spec = job.spec
    return {
        "job": job.name,
        "time_zone": spec.time_zone,
        "as_of_offset_minutes": spec.as_of_offset_minutes,
        "entity": spec.entity,
        **({"example_key": spec.example_key} if spec.example_key else {}),
        "sources": {name: source.model_dump(exclude={"description"}) for name, source in spec.sources.items()},
        "examples": spec.examples.model_dump(),
        "labels": spec.labels.model_dump(exclude={"delay_days"}),
        "sql": sql_digests(job, catalogue),
        "example_columns": example_columns(job, catalogue),
        "variants": [variant.id for variant in job.variants],
        "prediction_schema": job.prediction_schema.digest,
        "prediction_version": spec.predictions.version,
        "shards": spec.predictions.shards,
        "code": code_digests(job),
    }


def sql_digests(job: Job, catalogue: Catalogue) -> dict[str, str]:
    """Return the digests of the SQL that makes the examples, by name."""
    names = (job.spec.examples.sql, job.spec.labels.sql, "phases/examples_v1")
    return {name: catalogue.get(name).digest for name in names}


def example_columns(job: Job, catalogue: Catalogue) -> list[str]:
    """Return the columns that models get, with their types, in order: digests of SQL leave headers out."""
    examples, labels = (catalogue.get(step.sql).columns for step in (job.spec.examples, job.spec.labels))
    label = (column for column in labels.columns if column.name == LABEL)
    return [f"{column.name} {column.type}" for column in (*examples.columns, *label)]


def run_id_of(job: Job, run_date: date, definition: dict[str, Any], generation: int) -> str:
    """Return `<job>-<run date>-<hash>`."""
    return f"{job.name}-{run_date}-{digest_of_run(definition, generation)}"


def digest_of_run(definition: dict[str, Any], generation: int) -> str:
    """Return the hash at the end of a run id, which is equal for all run dates of a definition and generation."""
    return digest_json([definition, generation])[:10]


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the differences between two definitions of a run, in words."""
    old, new = (json.loads(canonical_json(definition)) for definition in (before, now))
    return [word for key in sorted({*old, *new}) if old.get(key) != new.get(key) for word in _words(key, old, new)]


def variants_to_train(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names of the variants whose model of the definition before does not serve the one now.

    The models of others are used again where their training rows have not changed.
    """
    old, new = (json.loads(canonical_json(definition)) for definition in (before, now))
    are_same_rows = all(old.get(key) == new.get(key) for key in {*old, *new} - {"variants", "code", *OUTPUT})
    known = old["code"] if are_same_rows and isinstance(old.get("code"), dict) else {}
    names = {variant_name(variant): variant for variant in new["variants"]}
    return [
        name
        for name, variant in names.items()
        if variant not in old["variants"] or known.get(name) != new["code"][name]
    ]


def _words(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, now = old.get(key) or {}, new.get(key) or {}
    if key == "variants":
        yield from [f"variant {name}" for name in now if name not in before] or ["variants"]
    elif key in PARTS:
        names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        yield from (f"{PARTS[key]} {as_written(name)}" for name in names)
    elif key == "code" and isinstance(before, Mapping):
        shared = {name for name in before if name in now}
        differ = sorted(name for name in shared if before[name] != now[name])
        if differ:  # other variants are named above
            yield "code or library versions" + (f" of {', '.join(differ)}" if len(differ) < len(shared) else "")
    else:
        yield "code or library versions" if key == "code" else key.replace("_", " ")


def parse_run_id(text: str) -> RunName:
    """Read the id of a run.

    Raises
    ------
    RequestError
        The text does not have the form of a run id, or its date is not a calendar date.
    """
    match = RUN_ID.fullmatch(text)
    if match is None:
        hint = "write <job>-<run date>-<hash> as `pipeline status` shows it"
        raise RequestError(f"{text!r} is not a run id", hint=hint)
    return RunName(text, match[1], parse_date(match[2], option=f"run id {text}:"))
