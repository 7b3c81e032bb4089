"""Lineage: the tables and files of a job, each with the SQL versions that make it and the tables that they read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.sql.rehearsal import SAMPLE_DATE, Rehearsal
from pipeline.project.project import Project
from pipeline.project.target import local_target
from pipeline.runs.layout import PREDICTION_FILES
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

MAKES = re.compile(
    r"\A(?:CREATE OR REPLACE TABLE|CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|INSERT INTO|MERGE)\s+`([^`]+)`"
)
"""The table or view that a statement makes or changes."""

RUN_TABLE = re.compile(r"__\d{8}__[0-9a-f]{10}__")
MODEL_TABLE = re.compile(r"(__predictions)__\w+$")

BEGIN, END = "<!-- lineage: made by pipeline sql lineage --write -->", "<!-- end of lineage -->"
SECTION = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A table, view or file, by which SQL versions it is made (the outermost first) or which phase, and from what."""

    makes: str
    by: tuple[str, ...]
    reads: tuple[str, ...]


def lineage_of(project: Project, job: str) -> list[Step]:
    """Return the steps of a job; datasets have the names of the local target."""
    return lineage(Rehearsal.of(Session.open(project, local_target()), project.job(job), SAMPLE_DATE))


def lineage(rehearsal: Rehearsal) -> list[Step]:
    """Return the steps of a job, in the order of a run."""
    examples, loaded = short(rehearsal.run.table("examples")), short(rehearsal.loaded)
    files = [
        Step("training.parquet, model.joblib", ("train",), (examples,)),
        Step(PREDICTION_FILES, ("predict",), (examples, "training.parquet, model.joblib")),
        Step(loaded, ("load job",), (PREDICTION_FILES,)),
    ]
    steps = list(dict.fromkeys(step for statement in rehearsal.life() for step in _steps(statement)))
    after = next(number for number, step in enumerate(steps, start=1) if step.makes == examples)
    return [*steps[:after], *files, *steps[after:]]


def as_text(steps: Sequence[Step]) -> str:
    """Return steps as text for a terminal."""
    return "\n".join(f"{step.makes}\n  by   {' with '.join(step.by)}\n  from {', '.join(step.reads)}" for step in steps)


def as_mermaid(steps: Sequence[Step]) -> str:
    """Return steps as a Mermaid graph."""
    names = list(dict.fromkeys(name for step in steps for name in (*step.reads, step.makes)))
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    nodes = [f'  {ids[name]}["{name}"]' for name in names]
    edges = [f'  {ids[read]} -->|"{step.by[0]}"| {ids[step.makes]}' for step in steps for read in step.reads]
    return "\n".join(["graph LR", *nodes, *edges])


def as_section(steps: Sequence[Step]) -> str:
    """Return steps as a section of a job's README."""
    rows = []
    for step in steps:
        by = ", ".join(f"`sql/{name}.sql`" if "/" in name else name for name in step.by)
        rows.append(f"| `{step.makes}` | {by} | {', '.join(f'`{name}`' for name in step.reads)} |")
    table = "\n".join(["| table or file | made by | from |", "|---|---|---|", *rows])
    return f"{BEGIN}\n\n{table}\n\n```mermaid\n{as_mermaid(steps)}\n```\n\n{END}"


def is_stale(readme: Path, steps: Sequence[Step]) -> bool:
    """Tell whether the section of a README is outdated or broken; a README without one is not stale.

    Raises
    ------
    RequestError
        The README is not UTF-8.
    """
    text = _text_of(readme)
    section = SECTION.search(text)
    return section.group() != as_section(steps) if section else BEGIN in text or END in text


def write_section(readme: Path, steps: Sequence[Step]) -> None:
    """Replace the section of a README.

    Raises
    ------
    RequestError
        The README has no section.
    """
    text = _text_of(readme)
    if not SECTION.search(text):
        raise RequestError(f"{readme}: no section to write", hint=f"add the lines {BEGIN} and {END}")
    readme.write_text(SECTION.sub(lambda _: as_section(steps), text), encoding="utf-8")


def _text_of(readme: Path) -> str:
    try:
        return readme.read_text(encoding="utf-8") if readme.is_file() else ""
    except UnicodeDecodeError as error:
        raise RequestError(f"{readme}: not UTF-8", hint="save the file as UTF-8") from error


def short(table: TableName) -> str:
    """Return a table's name without the project and the parts that differ between runs."""
    name = RUN_TABLE.sub("__DATE__RUN__", table.name)
    name = MODEL_TABLE.sub(r"\1__VARIANT__MODEL", name)
    return f"{table.dataset}.{name}"


def _steps(statement: Statement) -> Iterator[Step]:
    match = MAKES.match(statement.sql)
    if match:
        makes = short(TableName.parse(match.group(1)))
        tables = (short(table) for asset, name, table in statement.tables if asset.header.identifiers[name] == "table")
        reads = tuple(name for name in dict.fromkeys(tables) if name != makes)
        if reads:
            yield Step(makes, tuple(dict.fromkeys(asset.name for asset in statement.assets)), reads)
