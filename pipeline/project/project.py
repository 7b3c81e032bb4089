"""A project folder, and its jobs with their specifications and variants."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from pipeline.base.dates import as_of
from pipeline.base.digests import digest_json
from pipeline.base.strict_yaml import read_yaml
from pipeline.errors import RequestError
from pipeline.model_config import ModelConfig
from pipeline.project.imports import use_project_root
from pipeline.project.job_yaml import NAME, NAME_RULE, JobSpec
from pipeline.rows.schema import Schema

UNNAMED = f"is not named like a job, which has {NAME_RULE}; rename the folder"


@dataclass(frozen=True)
class Variant:
    """One way to solve a job: a model class and its configuration."""

    name: str
    path: Path
    config: ModelConfig

    @property
    def id(self) -> str:
        """`<name>@<digest of the configuration>`."""
        return f"{self.name}@{digest_json(self.config.model_dump())[:8]}"


def variant_name(variant_id: str) -> str:
    """Return the name in the id of a variant."""
    return variant_id.partition("@")[0]


@dataclass(frozen=True)
class Job:
    """A job: the content of its folder, read and checked."""

    name: str
    folder: Path
    spec: JobSpec
    variants: tuple[Variant, ...]

    @cached_property
    def prediction_schema(self) -> Schema:
        """Columns of a predictions file: the prediction key and the predicted columns."""
        predicted = self.spec.predictions.typed_columns
        return self.key_schema + predicted.select(name for name in predicted.names if name not in self.key_schema)

    @cached_property
    def key_schema(self) -> Schema:
        """Columns of the prediction key, with the types of the predicted columns or of the sources.

        Raises
        ------
        RequestError
            No source declares a column of the key.
        """
        known: dict[str, str] = dict(self.spec.predictions.columns)
        for source in self.spec.sources.values():
            known = {**source.columns, **known}
        missing = [name for name in self.spec.prediction_key if name not in known]
        if missing:
            raise self.error("prediction_key", f"no source declares the column {missing[0]}", "name a source's column")
        return Schema.parse({name: known[name] for name in self.spec.prediction_key}).required()

    def error(self, key: str, what: str, hint: str) -> RequestError:
        """Return the error for a key of job.yaml: what is wrong, and what to do."""
        return RequestError(f"{self.folder / 'job.yaml'}: key {key}: {what}", hint=hint)

    def as_of(self, day: date) -> datetime:
        """Return the moment up to which a run of this date may know: midnight in the job's zone plus its offset."""
        return as_of(day, self.spec.time_zone, self.spec.as_of_offset_minutes)

    @property
    def variant_ids(self) -> set[str]:
        """Ids of all variants."""
        return {variant.id for variant in self.variants}

    def role_of(self, variant_id: str) -> str:
        """Return `baseline` for a baseline of this job, otherwise `variant`."""
        names = {variant.id: variant.name for variant in self.variants}
        return "baseline" if names.get(variant_id) in self.spec.baselines else "variant"

    @property
    def predictions_table(self) -> str:
        """Name of the published table in the main dataset."""
        return f"{self.name}__predictions_v{self.spec.predictions.version}"

    def of_version(self, version: int) -> Job:
        """Return the job with another version of its predictions, and so another table."""
        predictions = self.spec.predictions.model_copy(update={"version": version})
        return replace(self, spec=self.spec.model_copy(update={"predictions": predictions}))

    def without_predicted(self, names: Collection[str]) -> Job:
        """Return the job without some predicted columns, which another version of its predictions lacks."""
        columns = {name: kind for name, kind in self.spec.predictions.columns.items() if name not in names}
        predictions = self.spec.predictions.model_copy(update={"columns": columns})
        return replace(self, spec=self.spec.model_copy(update={"predictions": predictions}))

    def version_of(self, table: str) -> int | None:
        """Return the version of the predictions that a table of this name holds; None if it is another table."""
        match = re.fullmatch(rf"{re.escape(self.name)}__predictions_v([1-9]\d*)", table)
        return int(match[1]) if match else None

    @property
    def predictions_view(self) -> str:
        """Name of the view of the champion's predictions."""
        return f"{self.name}__predictions"


@dataclass(frozen=True)
class Project:
    """A folder with `jobs/`, `sql/` and `udf/`."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Project:
        """Return the project at `root` and make its jobs importable.

        Raises
        ------
        RequestError
            The folder has no jobs/.
        """
        if not (root / "jobs").is_dir():
            raise RequestError(
                f"{root}: no jobs/ folder here", hint="run in the project's folder or pass --project-dir"
            )
        use_project_root(root.resolve())
        return cls(root.resolve())

    def job_names(self) -> list[str]:
        """Return the names of all jobs, sorted; a folder that is not named like a job is none."""
        return sorted(name for name in self._folders() if re.fullmatch(NAME, name))

    def misnamed(self) -> dict[Path, str]:
        """Return each job.yaml in a folder that is not named like a job, with what is wrong."""
        wrong = (name for name in self._folders() if not re.fullmatch(NAME, name))
        return {self.root / "jobs" / name / "job.yaml": f"the folder {name} {UNNAMED}" for name in sorted(wrong)}

    def _folders(self) -> list[str]:
        return [path.parent.name for path in (self.root / "jobs").glob("*/job.yaml")]

    def job(self, name: str) -> Job:
        """Read and check a job.

        Raises
        ------
        RequestError
            The job does not exist, or one of its YAML files is not valid.
        """
        folder = self.root / "jobs" / name
        if name not in self.job_names():
            names, why = ", ".join(self.job_names()) or "none", self.misnamed().get(folder / "job.yaml")
            what = f"no job {name!r} in {self.root / 'jobs'}{f': {why}' if why else ''}"
            raise RequestError(what, hint=f"the jobs are: {names}")
        spec = read_yaml(folder / "job.yaml", JobSpec)
        lacking = [variant for variant in spec.all_variants if not (folder / f"{variant}.yaml").is_file()]
        if lacking:
            what = f"{folder / 'job.yaml'}: keys variants and baselines: {lacking[0]}.yaml is missing in that folder"
            raise RequestError(what, hint="fix the name or add the file")
        variants = tuple(read_variant(folder / f"{variant}.yaml") for variant in spec.all_variants)
        return Job(name, folder, spec, variants)


def read_variant(path: Path) -> Variant:
    """Return the variant of a YAML file; the file's stem is its name."""
    return Variant(path.stem, path, read_yaml(path, ModelConfig))
