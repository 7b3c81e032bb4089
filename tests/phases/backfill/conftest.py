"""A job whose fit fails where a file asks for it, and whose gate promotes at once."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.base.progress import LineReporter
from pipeline.project.job_yaml import Gate
from pipeline.project.project import Variant, read_variant

DAYS = [date(2013, 7, day) for day in (1, 2, 3, 4)]


@pytest.fixture(scope="package")
def stumbling_job(job, tmp_path_factory):
    """The job with a constant rate as first champion, and a better variant that fails where `trip` asks for it."""
    rate, read = (read_variant(job.folder / f"{name}_rate.yaml") for name in ("constant", "carrier_hour"))
    params = {"folder": str(tmp_path_factory.mktemp("stumbling"))}
    # A model's module is below jobs/ or no file of the project; other processes get the path, too.
    place = tmp_path_factory.mktemp("installed")
    shutil.copyfile(Path(__file__).with_name("stumbling.py"), place / "stumbling.py")
    sys.path.append(str(place))
    config = read.config.model_copy(update={"model": "stumbling:Stumbling", "params": params})
    changes = {
        "variants": ["constant_rate", "stumbling"],
        "baselines": [],
        "slices": [],
        "predictions": job.spec.predictions.model_copy(update={"shards": 1}),
        "labels": job.spec.labels.model_copy(update={"delay_days": 1}),
        "gate": Gate(metric="log_loss", min_days=2, max_windows=1, error=0.49),
    }
    variants = (rate, Variant("stumbling", read.path, config))
    yield replace(job, spec=job.spec.model_copy(update=changes), variants=variants)
    sys.path.remove(str(place))


@pytest.fixture
def trip(stumbling_job):
    """Make the next fit of a run date end in a way of `stumbling.ENDS`; its training rows end the day before."""
    folder = Path(stumbling_job.variants[1].config.params["folder"])
    yield lambda day, end: (folder / f"{day - timedelta(days=1)}.{end}").touch()
    for left in folder.iterdir():
        left.unlink()


@pytest.fixture
def reported():
    return []


@pytest.fixture
def place(make_session, reported):
    """A session for this test alone, with a reporter that keeps its lines."""
    return replace(make_session(), reporter=LineReporter(reported.append))
