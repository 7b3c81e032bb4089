"""The page about one's own job: its files make a job that runs, its commands and its Python work."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.cli.app import run
from pipeline.project.job_yaml import Examples, JobSpec, Labels, Source
from pipeline.project.project import Project
from pipeline.rows.jsonl import read_jsonl
from pipeline.runs.claims import claims_of
from pipeline.runs.session import Session
from tests.support.integration_fixtures import ROOT, Read, reader

PAGE = (ROOT / "docs" / "own-job.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]
FILES = {path: text for _, path, text in BLOCKS if path}
COMMANDS = [line for kind, path, text in BLOCKS if kind == "sh" for line in text.splitlines()]
PYTHON = [text for kind, path, text in BLOCKS if kind == "python" and not path]
CODE = [path for path in FILES if path.endswith(".py")]
RUN_DATE, HORIZON = dt.date(2026, 2, 1), 7


@dataclass(frozen=True)
class Done:
    """What the commands of the page said, by command, and the session that sees what they left."""

    root: Path
    out: dict[str, str]
    session: Session
    read: Read

    def of(self, *words: str) -> str:
        return next(out for command, out in self.out.items() if all(word in command.split() for word in words))

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads(self.of("run", "--json"))


def forget_modules() -> None:
    for name in [name for name in sys.modules if name.startswith("jobs.churn")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A project folder with the files of the page and nothing else; its rows of data show the format only."""
    root = tmp_path_factory.mktemp("own")
    for path, text in FILES.items():
        if path.startswith("data/"):
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    paths = list(sys.path)
    forget_modules()
    yield root
    sys.path[:] = paths
    forget_modules()


@pytest.fixture(scope="module")
def done(root, make_empty_session):
    """The commands of the page, in its order, in the project's folder and at a place of this module's own."""
    session = make_empty_session()
    out = {command: said_by(command, root, session) for command in COMMANDS}
    return Done(root, out, session, reader(session))


def said_by(command: str, root: Path, session: Session) -> str:
    """Run a command in this process, in the project's folder, and return what it writes to stdout."""
    program, *arguments = shlex.split(command)
    assert program == "pipeline"
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("OMP_WAIT_POLICY", "passive")
        patch.setattr("pipeline.cli.options.Where.open_target", lambda *_: session.target)
        patch.chdir(root)
        code = run(arguments)
    assert code == 0, f"{command}: {err.getvalue()}"
    return out.getvalue()


def test_the_page_shows_every_file_of_the_tree():
    tree = re.findall(r"^    ((?:jobs|sql)/churn/\S+)", PAGE, re.MULTILINE)
    assert sorted(tree) == sorted(path for path in FILES if not path.startswith("data/"))
    assert (len(PYTHON), len(COMMANDS)) == (1, 6)


def test_the_page_names_the_optional_keys():
    line, below = re.findall(r"Optional keys: (.*?)\. Below them: (.*?)\. All others", " ".join(PAGE.split()))[0]
    optional = {name for name, field in JobSpec.model_fields.items() if not field.is_required()}
    assert set(re.findall(r"`(\w+)`", line)) == optional
    nested = [part.model_fields.items() for part in (Source, Examples, Labels)]
    assert set(re.findall(r"`(\w+)`", below)) == {n for items in nested for n, f in items if not f.is_required()}


def test_three_rows_of_each_source_in_the_columns_of_the_job(root):
    sources = Project.open(root).job("churn").spec.sources
    assert set(sources) == {Path(path).stem for path in FILES if path.startswith("data/")}
    for name, source in sources.items():
        rows = [json.loads(line) for line in FILES[f"data/{name}.jsonl"].splitlines()]
        assert [list(row) for row in rows] == [list(source.columns)] * 3


@pytest.mark.parametrize("path", CODE)
@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_code_passes_the_checks_of_this_repository(path, check):
    command = [sys.executable, "-m", "ruff", *check, "--stdin-filename", path, "-"]
    done = subprocess.run(command, input=FILES[path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sources_are_loaded(done):
    files = [done.root / "data" / f"{name}.jsonl" for name in ("usage", "cancellations")]
    counts = [len(path.read_text(encoding="utf-8").splitlines()) for path in files]
    assert done.of("sources") == f"churn sources loaded: usage {counts[0]:,}, cancellations {counts[1]:,}\n"


def test_predictions_of_the_run_date_are_published(done):
    found = done.read(
        f"SELECT customer, score FROM ml.churn__predictions WHERE run_date = '{RUN_DATE}' AND day = run_date"
    )
    expected = done.read(f"SELECT customer FROM ml.usage WHERE day = '{RUN_DATE}'")
    assert {row["customer"] for row in found} == {row["customer"] for row in expected} >= {1}
    assert done.read("SELECT COUNT(*) AS n FROM ml.churn__predictions_v1") == [{"n": len(expected)}]
    assert all(0 < row["score"] < 1 for row in found)


def test_the_planted_effect_is_found(done):
    rows = done.read("SELECT metric, slice_name, slice_value, n, value FROM ml.metrics WHERE job = 'churn'")
    auc = {row["slice_value"]: row["value"] for row in rows if row["metric"] == "auc"}
    assert set(auc) == {"", "monthly", "yearly"}
    assert auc[""] > 0.75
    rate = next(row["value"] for row in rows if row["metric"] == "base_rate" and not row["slice_name"])
    assert rate == pytest.approx(expected_rate(done), abs=1e-9)
    assert f"{auc['']:.4f}" in done.of("report")


def expected_rate(done: Done) -> float:
    """The share of customers of the run date who cancel within the horizon, counted from the files."""
    usage, gone = (pl.read_ndjson(done.root / "data" / f"{name}.jsonl") for name in ("usage", "cancellations"))
    active = usage.filter(pl.col("day") == str(RUN_DATE)).join(gone, on="customer", how="left")
    end = str(RUN_DATE + dt.timedelta(days=HORIZON))
    cancels = pl.col("cancelled_on").is_between(pl.lit(str(RUN_DATE)), pl.lit(end), closed="left")
    return active.select(cancels.fill_null(value=False).mean()).item()


def test_training_rows_are_those_whose_horizon_has_passed(done):
    frame = training(done, done.root / "rows.parquet")
    days = pd.to_datetime(frame["day"].astype(str)).dt.date
    assert days.max() == RUN_DATE - dt.timedelta(days=HORIZON)
    assert days.min() == RUN_DATE - dt.timedelta(days=21)
    assert len(frame) == rows_trained_on(done)


def rows_trained_on(done: Done) -> int:
    text = done.of("run", "2026-02-01")
    return int(re.search(r"train ([\d,]+) rows", text).group(1).replace(",", ""))


def training(done: Done, path: Path) -> pd.DataFrame:
    (model,) = done.summary["models"]
    assert model["uri"].startswith("gs://")
    done.session.store.download(f"{model['uri']}/training.parquet", path)
    return pd.read_parquet(path)


def test_the_last_command_does_nothing_again(done):
    assert done.summary["status"] == "already_done"
    assert done.of("evaluate").startswith("churn: done, evaluate ")


def test_the_python_of_the_page_makes_the_same_model(done, monkeypatch):
    monkeypatch.chdir(done.root)
    before = training(done, done.root / "training.parquet")
    names: dict[str, Any] = {}
    exec(compile(PYTHON[0], "docs/own-job.md", "exec"), names)  # noqa: S102 - the page is ours
    pd.testing.assert_frame_equal(names["examples"], before)
    assert list(names["predictions"]) == ["customer", "day", "score"]
    assert roc_auc_score(before["label"].astype(int), names["predictions"]["score"]) > 0.6
    written = read_jsonl(Path("predictions.jsonl"))
    np.testing.assert_array_equal(written["score"], names["predictions"]["score"])


def test_the_models_address_is_what_predict_takes(done):
    (model,) = done.summary["models"]
    command = f"pipeline predict churn --run-date {RUN_DATE} --model {model['uri']}"
    assert said_by(command, done.root, done.session).startswith(f"churn {RUN_DATE}: already done")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("preprocess/examples_v1", "minutes AS minutes_1d", "minuts AS minutes_1d", "Unrecognized name: minuts"),
        ("evaluate/labels_v1", "AS label, a.plan", "AS label, a.plane", "Name plane not found inside a"),
    ],
)
def test_broken_sql_is_explained_by_its_line_and_claims_nothing(done, monkeypatch, capsys, file, old, new, said):
    path, day = done.root / f"sql/churn/{file}.sql", dt.date(2026, 2, 2)
    before = path.read_text(encoding="utf-8")
    line = before[: before.index(old)].count("\n") + 1
    monkeypatch.setattr("pipeline.cli.options.Where.open_target", lambda *_: done.session.target)
    monkeypatch.chdir(done.root)
    path.write_text(before.replace(old, new), encoding="utf-8")
    try:
        assert run(["run", "churn", "--run-date", str(day)]) == 2
    finally:
        path.write_text(before, encoding="utf-8")
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: {path}:{line}: {said}")
    assert "SELECT" not in error
    job = Project.open(done.root).job("churn")
    assert claims_of(done.session, job, day) == []
