"""The golden deployments next to this file."""

from __future__ import annotations

from pathlib import Path

from pipeline.operate.deploy.deployment import Deployment
from pipeline.project.project import Project
from tests.support.integration_fixtures import ROOT

IMAGE = f"us-docker.pkg.dev/my-project/ml/pipeline@sha256:{'0123456789abcdef' * 4}"
COMMIT, CODE = "0123456789abcdef0123456789abcdef01234567", "0123456789abcdef"
TARGET = ROOT / "targets" / "example.yaml"
GOLDEN = {job: Path(__file__).parent / "golden" / job for job in ("flight_delay",)}
COPIED = "merge.py"
"""A copy of a module, which is not kept among the golden files."""


def deployment(job: str, *, target: Path = TARGET, image: str = IMAGE) -> Deployment:
    """Return the deployment of a job with a commit and a digest that do not change."""
    return Deployment.of(Project.open(ROOT).job(job), target, image, commit=COMMIT, code_digest=CODE)
