"""The same rows give the same bytes of a model in any process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pipeline.project.project import Project
from tests.support.integration_fixtures import ROOT

pytestmark = pytest.mark.long  # each process imports and fits everything
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def digests(seed: int, threads: int, hash_seed: int) -> dict[str, list[str]]:
    """Return digest and id of every variant's model, fitted in a new process on shuffled rows."""
    environment = os.environ | dict.fromkeys(THREADS, str(threads)) | {"PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.jobs.digests", str(seed)],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first():
    return digests(seed=1, threads=1, hash_seed=1)


def test_every_variant_of_every_job_is_fitted(first):
    project = Project(ROOT)
    names = [f"{job} {variant.name}" for job in project.job_names() for variant in project.job(job).variants]
    assert sorted(first) == sorted(names)


def test_order_threads_and_hash_seed_do_not_change_models(first):
    assert digests(seed=2, threads=2, hash_seed=2) == first
