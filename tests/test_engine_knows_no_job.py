"""The engine finds jobs through `job.yaml`: no job, source, variant or model class stands in its code or its SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pipeline.project.project import Project
from tests.support.integration_fixtures import ROOT

EXAMPLE = re.compile(r"Example: .*|e\.g\.,? .*|`[^`]*`|\bwrite .*")
"""What shows people how to write something names a job; nothing depends on it."""

FILES = [*sorted((ROOT / "pipeline").rglob("*.py")), *sorted((ROOT / "pipeline").rglob("*.js"))]


@cache
def names() -> set[str]:
    """Names of jobs, of their sources, variants and model classes."""
    project = Project(ROOT)
    jobs = [project.job(name) for name in project.job_names()]
    classes = {variant.config.model.partition(":")[2] for job in jobs for variant in job.variants}
    return {name for job in jobs for name in (job.name, *job.spec.sources, *job.spec.all_variants)} | classes


def words(path: Path) -> Iterator[str]:
    """The names and texts of a file's code, without docstrings and examples."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield text
        return
    tree = ast.parse(text)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield EXAMPLE.sub("", node.value)
        for field in ("id", "name", "attr", "arg", "module"):  # of names, imports, attributes and keyword arguments
            yield str(getattr(node, field, None) or "")


def known(path: Path) -> set[str]:
    found = set(re.findall(r"[A-Za-z][A-Za-z0-9_]+", " ".join(words(path))))
    return found & names()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_of_the_engine_names_a_job(path):
    assert known(path) == set()


def test_no_sql_of_the_engine_names_a_job():
    jobs = Project(ROOT).job_names()
    engine = [path for path in (ROOT / "sql").rglob("*.sql") if path.relative_to(ROOT / "sql").parts[0] not in jobs]
    engine += (ROOT / "udf").rglob("*.sql")
    assert len(engine) > 60
    for path in engine:
        body = path.read_text(encoding="utf-8").split("*/", 1)[1]
        assert not set(re.findall(r"[a-z][a-z0-9_]+", body)) & names(), path


def test_a_job_that_is_named_is_found(tmp_path):
    text = """
from jobs.flight_delay.model import FlightDelay as Best
import jobs.item_recommend
if job == "constant_rate":
    row.weather = load(planes=1)
    flight_outcomes = airports()
"""
    (tmp_path / "bad.py").write_text(text)
    assert known(tmp_path / "bad.py") == {
        *("flight_delay", "FlightDelay", "item_recommend", "constant_rate", "weather", "planes", "flight_outcomes"),
        "airports",
    }
