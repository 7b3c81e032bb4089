"""Runs of one job that differ in one thing each, made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipeline.explain.why import Why, why_of
from pipeline.models.bundle import training_data, write
from pipeline.operate.sources import load_sources
from pipeline.phases import train
from pipeline.phases.run import evaluate_matured, run_job
from pipeline.project import code
from pipeline.project.project import Project
from pipeline.runs.identity import parse_run_id
from pipeline.runs.session import Session
from tests.support.dummy_project import edit
from tests.support.integration_fixtures import ROOT, read_source

DAY, BEFORE, MATURE = date(2013, 7, 3), date(2013, 7, 2), date(2013, 7, 6)
JOB, SQL = "jobs/flight_delay", "sql/flight_delay/preprocess/examples_v1.sql"
EARLIER_LIBRARY = {"numpy": "1.0.0", "left_pad": "0.1"}


@dataclass
class Lab:
    """A project that changes, and its runs at one target."""

    session: Session
    root: Path
    ids: dict[str, str] = field(default_factory=dict)

    def opened(self) -> Session:
        """Return a session that reads the present project."""
        # Not Project.open, which would make this copy of the jobs importable for all tests.
        return Session.open(Project(self.root), self.session.target, self.session.reporter)

    def run(self, name: str, day: date = DAY, *, rerun: bool = False) -> None:
        session = self.opened()
        self.ids[name] = run_job(session, session.project.job("flight_delay"), day, rerun=rerun).run_id

    def why(self, a: str, b: str) -> Why:
        session = self.opened()
        names = (parse_run_id(self.ids[name]) for name in (a, b))
        return why_of(session, session.project.job("flight_delay"), *names)

    @contextmanager
    def edited(self, path: str, *changes: tuple[str, str]) -> Iterator[None]:
        """Change a file within a block."""
        before = (self.root / path).read_text()
        for old, new in changes:
            edit(self.root / path, old, new)
        try:
            yield
        finally:
            (self.root / path).write_text(before)

    @contextmanager
    def without(self, ending: str, run: str) -> Iterator[None]:
        """Remove the objects of a run with this ending of their addresses within a block."""
        session, run_id = self.session, self.ids[run]
        everything = session.store.list(f"{session.store.uri('flight_delay')}/")
        gone = [item for item in everything if run_id in item.uri and item.uri.endswith(ending)]
        assert gone, f"{run_id} has no {ending}"
        kept = {item.uri: session.store.read_bytes(item.uri) for item in gone}
        assert all(session.store.delete(item) for item in gone)
        try:
            yield
        finally:
            for uri, content in kept.items():
                session.store._blob(uri).upload_from_string(content, timeout=20)


@contextmanager
def committed(commit: str, *, dirty: bool) -> Iterator[None]:
    """Record a git commit in models within a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "git_commit", lambda _: (commit, dirty))
        yield


@pytest.fixture(scope="package")
def lab(make_session: Callable[[], Session], tmp_path_factory: pytest.TempPathFactory, fixtures_folder: Path) -> Lab:
    root = tmp_path_factory.mktemp("project")
    for name in ("jobs", "sql", "udf"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    job = root / JOB / "job.yaml"
    edit(job, "variants: [gradient_boosting, logistic_regression]", "variants: [carrier_hour_rate]")
    edit(job, "baselines: [constant_rate, carrier_hour_rate]", "baselines: [constant_rate]")
    lab = Lab(make_session(), root)
    with committed("aaa", dirty=False):
        lab.run("base")
    with lab.edited(SQL, ("  t.distance,", "  t.distance + 1 AS distance,")):
        lab.run("sql")
    _configured(lab)
    _coded(lab)
    with lab.edited(SQL, ("description: |", "description: |\n  As ever.")):
        lab.run("before", BEFORE)
    _evaluated(lab)
    _with_other_rows(lab, shutil.copytree(fixtures_folder, tmp_path_factory.mktemp("other") / "sources"))
    return lab


def _configured(lab: Lab) -> None:
    """Other parameters, variants and gate; its training rows are too many to be kept."""
    changes = [
        ("late_minutes: 15, prior_flights: 20.0}", "late_minutes: 30, prior_flights: 20.0}"),
        ("parameters: {late_minutes: 15}", "parameters: {late_minutes: 30}"),
        ("distance: INT64 NOT NULL", "distance: INT64"),
        ("baselines: [constant_rate]", "baselines: [constant]"),
        ("min_days: 7", "min_days: 8"),
    ]
    (lab.root / JOB / "constant.yaml").write_text((lab.root / JOB / "constant_rate.yaml").read_text())
    variant = lab.edited(f"{JOB}/carrier_hour_rate.yaml", ("prior_flights: 20.0", "prior_flights: 30.0"))
    with variant, lab.edited(f"{JOB}/job.yaml", *changes), pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_data, "FRAME_LIMIT", 0)
        lab.run("config")


def _coded(lab: Lab) -> None:
    """Another line of code, libraries and commit."""
    libraries = code.library_versions

    def others(modules=()):
        return libraries(modules) | EARLIER_LIBRARY

    line = ("CELL = [", "SMALL = 1\nCELL = [")
    with lab.edited(f"{JOB}/baselines.py", line), pytest.MonkeyPatch.context() as patch:
        for module in (code, write):
            patch.setattr(module, "library_versions", others)
        with committed("abc", dirty=True):
            lab.run("code")


def _evaluated(lab: Lab) -> None:
    """Evaluate what `base` published again, and the newest run."""
    lab.run("again", rerun=True)
    session = lab.opened()
    evaluate_matured(session, session.project.job("flight_delay"), MATURE)


def _with_other_rows(lab: Lab, sources: Path) -> None:
    """Another distance of a flight that was trained on, and of one that was scored."""
    schedule = read_source(sources, "flights_schedule").with_row_index()
    days = [str(DAY), "2013-07-01"]
    moved = [schedule.filter(pl.col("flight_date") == day)["index"][0] for day in days]
    far = pl.when(pl.col("index").is_in(moved)).then(pl.col("distance") + 7).otherwise(pl.col("distance"))
    schedule.with_columns(distance=far).drop("index").write_ndjson(sources / "flights_schedule.jsonl")
    session = lab.opened()
    load_sources(session, session.project.job("flight_delay"), sources)
    lab.run("rows", rerun=True)
    evaluate_matured(session, session.project.job("flight_delay"), MATURE)
