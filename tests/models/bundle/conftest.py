"""Bundles of the dummy project: one as it should be, one whose pickle would write a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline.models.bundle import NO_JOB, BundleInfo, TrainingData, write_bundle
from pipeline.models.interface import make_model
from pipeline.project.project import Project
from tests.support.dummy_project import dummy_project

ORIGIN = replace(
    NO_JOB,
    run={
        "job": "dummy",
        "run_id": "dummy-2013-07-01-abc",
        "run_date": "2013-07-01",
        "generation": 1,
        "as_of": "2013-07-01T00:00:00+00:00",
        "snapshot_at": "2013-07-01T03:00:00+00:00",
        "examples": "bq://p.d.examples",
        "family": "binary_classification",
    },
    files={
        "jobs/dummy/job.yaml": b"description: A dummy.\n",
        "jobs/dummy/model.py": b"x = 1\n",
        "sql/dummy/preprocess/examples_v1.sql": b"SELECT 1\n",
        "udf/half.sql": b"SELECT 0.5\n",
    },
    sql_digests={"dummy/preprocess/examples_v1": "0123456789abcdef"},
    code="c0de",
    commit=("abc", True),
)
FRAME = pd.DataFrame({"id": [1, 2], "day": ["2013-07-01", "2013-07-01"], "label": [0, 1]})


class WritesAFile:
    """Unpickling it writes a file: proof that something was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def job(tmp_path):
    with dummy_project(tmp_path / "project") as root:
        yield Project.open(root).job("dummy")


@pytest.fixture
def made(job, tmp_path) -> tuple[Path, BundleInfo]:
    variant = job.variants[0]
    model = make_model(variant.config).fit(FRAME)
    return tmp_path / "bundle", write_bundle(tmp_path / "bundle", model, variant, TrainingData.of(FRAME), ORIGIN)


@pytest.fixture
def trapped(job, tmp_path, monkeypatch) -> tuple[Path, Path]:
    """A valid bundle whose model writes a file when it is unpickled, and that file."""
    folder, trap = tmp_path / "trapped", tmp_path / "unpickled"
    monkeypatch.setattr("pipeline.models.bundle.write.check_loads", lambda *_: None)
    write_bundle(folder, WritesAFile(trap), job.variants[0], TrainingData.of(FRAME), ORIGIN)
    return folder, trap
