"""The check of a project's SQL: every statement of every job, analyzed in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.sql.analyzer import Analyzer, Finding, Rejected
from pipeline.operate.sql.lineage import MAKES, is_stale, lineage_of
from pipeline.operate.sql.rehearsal import SAMPLE_DATE, Rehearsal
from pipeline.project.project import Project
from pipeline.project.target import Target
from pipeline.rows.schema import Schema
from pipeline.runs.job_statements import check_assets, source_tables
from pipeline.runs.session import Session
from pipeline.sql import Statement
from pipeline.sql.released import broken_releases


@dataclass
class Checked:
    """What a check found.

    Parameters
    ----------
    statements
        Statements that were analyzed, each text once.
    findings
        What is wrong.
    """

    statements: list[Statement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_sql(project: Project, target: Target, cache_dir: Path) -> Checked:
    """Analyze every statement that the jobs of a project can send; none is sent.

    Parameters
    ----------
    target
        Names of project and datasets.
    cache_dir
        Folder of the compiled analyzer, and of what it learnt of statements.
    """
    checked, session = Checked(), Session.open(project, target)
    checked.findings += _broken_releases(session)
    for name in project.job_names():
        try:
            _check_job(session, name, cache_dir, checked)
        except RequestError as error:
            if not checked.findings:  # nothing else explains it
                raise
            checked.findings.append(Finding(project.root / "jobs" / name / "job.yaml", 1, str(error)))
    checked.findings += _unused(session, checked.statements, Analyzer({}, cache_dir))
    return checked


def _check_job(session: Session, name: str, cache_dir: Path, checked: Checked) -> None:
    job = session.project.job(name)
    check_assets(session.catalogue, job)
    rehearsal = Rehearsal.of(session, job, SAMPLE_DATE)
    analyzer = Analyzer(
        rehearsal.tables(),
        cache_dir,
        partitions=rehearsal.partitions(),
        sources=source_tables(session, job).values(),
    )
    broken: set[str] = set()
    for statement in (*rehearsal.sent(), *rehearsal.parts()):
        checked.statements.append(statement)
        if broken & {str(table) for _, _, table in statement.tables}:
            continue  # what it reads could not be made: whatever is said of it follows from that
        found = list(_findings(analyzer, statement))
        checked.findings += [each for each in found if each not in checked.findings]
        if found and (makes := MAKES.match(statement.sql)):
            broken.add(makes.group(1))
    readme = job.folder / "README.md"
    if is_stale(readme, lineage_of(session.project, name)):
        what = f"the section on tables and SQL is stale: run pipeline sql lineage {name} --write"
        checked.findings.append(Finding(readme, 1, what))


def _unused(session: Session, statements: Sequence[Statement], analyzer: Analyzer) -> Iterator[Finding]:
    """Parse the versions that no job sends, such as those of yesterday: without tables, nothing more can be said."""
    used = {asset.name for statement in statements for asset in (*statement.assets, *statement.asset.functions)}
    for name in session.catalogue.names():
        asset = session.catalogue.any(name)
        if name not in used and asset.header.form == "statement":
            try:
                analyzer.parse(asset)
            except Rejected as rejected:
                yield rejected.finding


def _broken_releases(session: Session) -> Iterator[Finding]:
    catalogue, root = session.catalogue, session.project.root
    for name, what in broken_releases(catalogue, root).items():
        yield Finding(root / ("" if name.startswith("udf/") else "sql") / f"{name}.sql", 1, f"{name} {what}")


def _findings(analyzer: Analyzer, statement: Statement) -> Iterator[Finding]:
    try:
        columns = analyzer.analyze(statement)
    except Rejected as rejected:
        yield rejected.finding
        return
    asset = statement.asset
    declared = asset.columns
    if declared.columns and _types(declared) != _types(columns):
        yield Finding(asset.path, 1, f"the header declares {_difference(declared, columns)}")


def _types(schema: Schema) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in schema.columns]


def _difference(declared: Schema, found: Schema) -> str:
    """Name the first column that differs."""
    pairs = zip([*_types(declared), ("no more columns", "")], [*_types(found), ("no more columns", "")], strict=False)
    ours, theirs = next((a, b) for a, b in pairs if a != b)
    return f"{' '.join(ours).strip()} where the statement returns {' '.join(theirs).strip()}"
