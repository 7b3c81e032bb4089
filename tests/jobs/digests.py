"""Fit every variant of the jobs on shuffled files, and print the digest and id of each model as JSON.

Usage: python -m tests.jobs.digests SEED
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from pipeline.phases.train import train_from_path
from pipeline.project.project import Project
from tests.jobs.flight_delay.frames import examples
from tests.jobs.item_recommend.frames import crowd

FRAMES = {"flight_delay": lambda: examples(num_days=30), "item_recommend": crowd}


def main(seed: int) -> None:
    project = Project.open(Path(__file__).parents[2])
    digests = {}
    with tempfile.TemporaryDirectory() as name:
        for job, frame in FRAMES.items():
            data = Path(name) / f"{job}.parquet"
            frame().sample(frac=1, random_state=seed).to_parquet(data, index=False)
            for variant in project.job(job).variants:
                info = train_from_path(variant.path, data, Path(name) / variant.name)
                digests[f"{job} {variant.name}"] = [info.content["model_sha256"], info.model_id]
    print(json.dumps(digests))


if __name__ == "__main__":
    main(int(sys.argv[1]))
