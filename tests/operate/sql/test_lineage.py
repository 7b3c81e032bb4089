"""Lineage: steps in order, names that do not differ between runs, and a README that is not stale."""

from __future__ import annotations

import re
from datetime import date

import pytest

from pipeline.errors import RequestError
from pipeline.operate.sql.check import check_sql
from pipeline.operate.sql.lineage import (
    BEGIN,
    END,
    Step,
    as_mermaid,
    as_section,
    as_text,
    is_stale,
    lineage,
    lineage_of,
    short,
    write_section,
)
from pipeline.operate.sql.rehearsal import Rehearsal
from pipeline.project.project import Project
from pipeline.runs.session import Session
from pipeline.sql import Catalogue, TableName
from tests.operate.sql.conftest import ANALYZER, TARGET
from tests.support.integration_fixtures import ROOT

DAY = date(2013, 7, 1)
README = "jobs/flight_delay/README.md"
EXAMPLES = "ml_runs.flight_delay__DATE__RUN__examples"
LABELS = "ml_runs.flight_delay__DATE__RUN__labels"
LOADED = "ml_runs.flight_delay__DATE__RUN__predictions__VARIANT__MODEL"
PUBLISHED = "ml.flight_delay__predictions_v1"
MODEL, SHARDS = "training.parquet, model.joblib", "shard-*.jsonl, manifest.json"

TWO = [Step("ml.a", ("x/a_v1", "y/b_v1"), ("ml.s", "ml.t")), Step("a.joblib", ("train",), ("ml.a",))]
MERMAID = """\
graph LR
  n0["ml.s"]
  n1["ml.t"]
  n2["ml.a"]
  n3["a.joblib"]
  n0 -->|"x/a_v1"| n2
  n1 -->|"x/a_v1"| n2
  n2 -->|"train"| n3"""
SECTION = f"""\
{BEGIN}

| table or file | made by | from |
|---|---|---|
| `ml.a` | `sql/x/a_v1.sql`, `sql/y/b_v1.sql` | `ml.s`, `ml.t` |
| `a.joblib` | train | `ml.a` |

```mermaid
{MERMAID}
```

{END}"""


@pytest.fixture(scope="module")
def steps():
    return lineage_of(Project(ROOT), "flight_delay")


@pytest.fixture
def readme(copied):
    """The README of the copy, which is restored afterwards."""
    path = copied / README
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def stale(copied):
    return [str(finding) for finding in check_sql(Project(copied), TARGET, ANALYZER).findings]


def test_steps_of_the_job_are_in_the_order_of_a_run(steps):
    made = [step.makes for step in steps]
    wanted = [EXAMPLES, MODEL, SHARDS, LOADED, PUBLISHED, LABELS, "ml.metrics_v1"]
    assert [name for name in made if name in wanted] == wanted
    assert len(steps) == len({(step.makes, step.by) for step in steps})


def test_a_step_names_versions_and_tables(steps):
    by_name = {step.makes: step for step in steps}
    labels = "flight_delay/evaluate/labels_v1"
    sources = tuple(f"ml.{name}" for name in ("flights_schedule", "flight_outcomes", "weather", "planes", "airports"))
    nested = ("phases/examples_v1", "flight_delay/preprocess/examples_v1", labels)
    assert by_name[EXAMPLES] == Step(EXAMPLES, nested, sources)
    assert by_name[MODEL] == Step(MODEL, ("train",), (EXAMPLES,))
    assert by_name[SHARDS] == Step(SHARDS, ("predict",), (EXAMPLES, MODEL))
    assert by_name[LOADED] == Step(LOADED, ("load job",), (SHARDS,))
    assert by_name[PUBLISHED] == Step(PUBLISHED, ("phases/publish_v1",), (LOADED,))
    assert by_name[LABELS] == Step(LABELS, ("phases/labels_v1", labels), ("ml.flight_outcomes",))
    assert by_name["ml.metrics_v1"].reads == (PUBLISHED, LABELS)
    assert by_name["ml.flight_delay__predictions"].reads == (PUBLISHED, "ml_ledger.champions")


def test_versions_are_those_of_the_catalogue(steps):
    names = Catalogue(ROOT).names()
    versions = [name for step in steps for name in step.by if name not in {"train", "predict", "load job"}]
    assert set(versions) <= set(names)
    assert len(versions) > 10


def test_every_table_that_is_read_is_made_or_loaded(steps):
    rehearsal = Rehearsal.of(Session.open(Project(ROOT), TARGET), Project(ROOT).job("flight_delay"), DAY)
    made = {step.makes for step in steps} | {short(table) for table in rehearsal.tables()}
    ledger = {f"ml_ledger.{name}_v1" for name in ("events", "models", "champions")}
    decided = {f"ml.{name}_v1" for name in ("verdicts", "comparisons", "drift")}
    assert {name for step in steps for name in step.reads} <= made | ledger | decided


def test_names_hold_no_project_date_or_digest(steps):
    text = as_text(steps)
    assert "pipeline-local" not in text
    assert not re.search(r"\d{8}|[0-9a-f]{10}", text)


def test_names_do_not_depend_on_target_or_run_date(steps):
    project = Project(ROOT)
    other = Rehearsal.of(Session.open(project, TARGET), project.job("flight_delay"), DAY)
    assert lineage(other) == steps


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("j__20240229__0a54d82312__examples", "ml.j__DATE__RUN__examples"),
        ("j__20240229__0a54d82312__leak__one", "ml.j__DATE__RUN__leak__one"),
        (
            "j__20240229__0a54d82312__predictions__m_0a54d823__0123456789abcdef",
            "ml.j__DATE__RUN__predictions__VARIANT__MODEL",
        ),
        ("j__predictions", "ml.j__predictions"),
        ("j__predictions_v1", "ml.j__predictions_v1"),
        ("events_v1", "ml.events_v1"),
        ("j__2024__0a54d82312__examples", "ml.j__2024__0a54d82312__examples"),
    ],
)
def test_short_names_do_not_differ_between_runs(name, text):
    assert short(TableName("pipeline-local", "ml", name)) == text


def test_steps_are_text_for_a_terminal():
    assert as_text(TWO) == "ml.a\n  by   x/a_v1 with y/b_v1\n  from ml.s, ml.t\na.joblib\n  by   train\n  from ml.a"


def test_steps_are_a_graph():
    assert as_mermaid(TWO) == MERMAID


def test_every_node_of_the_graph_is_defined_and_used_once(steps):
    first, *lines = as_mermaid(steps).splitlines()
    assert first == "graph LR"
    nodes = [match for line in lines if (match := re.fullmatch(r'  (n\d+)\["([^"\]]+)"\]', line))]
    edges = [match for line in lines if (match := re.fullmatch(r'  (n\d+) -->\|"([^"|]+)"\| (n\d+)', line))]
    assert len(nodes) + len(edges) == len(lines)
    ids = [node.group(1) for node in nodes]
    assert len(ids) == len(set(ids)) == len({node.group(2) for node in nodes})
    assert {name for edge in edges for name in edge.group(1, 3)} == set(ids)
    assert len(edges) == sum(len(step.reads) for step in steps)


def test_steps_are_a_section():
    assert as_section(TWO) == SECTION


@pytest.mark.parametrize("inside", ["", "\n\nold\n\n", "\\1 \\g<0>\n"])
def test_a_section_replaces_the_old_one(tmp_path, inside):
    path = tmp_path / "README.md"
    path.write_text(f"# Before\n{BEGIN}{inside}{END}\nAfter \u00e9 \\1\n", encoding="utf-8")
    assert is_stale(path, TWO)
    write_section(path, TWO)
    assert path.read_text(encoding="utf-8") == f"# Before\n{SECTION}\nAfter \u00e9 \\1\n"
    assert not is_stale(path, TWO)
    assert is_stale(path, TWO[:1])
    write_section(path, TWO)
    assert path.read_text(encoding="utf-8") == f"# Before\n{SECTION}\nAfter \u00e9 \\1\n"


@pytest.mark.parametrize("text", ["", "# A job\n", f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n", None])
def test_a_readme_without_a_section_is_not_changed(tmp_path, text):
    path = tmp_path / "README.md"
    if text is not None:
        path.write_text(text)
    assert is_stale(path, TWO) == bool(text and "<!--" in text)
    with pytest.raises(RequestError) as caught:
        write_section(path, TWO)
    assert str(caught.value) == f"{path}: no section to write - add the lines {BEGIN} and {END}"
    assert (path.read_text() if path.exists() else None) == text


def test_a_readme_of_another_encoding_is_refused(tmp_path):
    path = tmp_path / "README.md"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(RequestError, match="not UTF-8 - save the file as UTF-8"):
        is_stale(path, TWO)


def test_the_readme_of_this_repository_is_not_stale(steps):
    path = ROOT / README
    assert BEGIN in path.read_text(encoding="utf-8")
    assert not is_stale(path, steps)


def test_a_stale_section_is_a_finding(broken):
    path, found = broken(README, f"| `{LABELS}` |", "| `ml.elsewhere` |")
    what = "the section on tables and SQL is stale: run pipeline sql lineage flight_delay --write"
    assert [str(finding) for finding in found.findings] == [f"{path}:1: {what}"]


@pytest.mark.parametrize("how", ["no markers", "no README"])
def test_a_job_needs_no_section(copied, readme, how):
    if how == "no README":
        readme.unlink()
    else:
        readme.write_text(readme.read_text(encoding="utf-8").replace(BEGIN, "").replace(END, ""), encoding="utf-8")
    assert stale(copied) == []
