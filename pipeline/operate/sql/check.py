"""The check of a project's SQL: every statement of every job is analyzed in order."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.cache import AnalysisCache, Finding, Rejected
from pipeline.operate.sql.lineage import MAKES, is_stale, lineage_of
from pipeline.operate.sql.rehearsal import SAMPLE_DATE, Rehearsal
from pipeline.project.job_checks import check_assets
from pipeline.project.project import Job, Project
from pipeline.project.target import Target
from pipeline.runs.job_statements import source_tables
from pipeline.runs.session import Session
from pipeline.runs.tables import functions
from pipeline.sql import Statement
from pipeline.sql.catalogue import MISNAMED, RULE
from pipeline.sql.released import broken_releases


@dataclass
class Checked:
    """The statements that a check analyzed, and the mistakes in them, each once."""

    statements: list[Statement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_sql(project: Project, target: Target, cache_dir: Path) -> Checked:
    """Analyze every statement that the jobs of a project can send; none is sent.

    The target names project and datasets. `cache_dir` holds the compiled analyzer and the results of earlier checks.

    Raises
    ------
    RequestError
        The only job, or its SQL, cannot be read, and no finding explains it.
    """
    checked, session = Checked(), Session.open(project, target)
    for name, message in broken_releases(session.catalogue, project.root).items():
        path = project.root / ("" if name.startswith("udf/") else "sql") / f"{name}.sql"
        checked.findings.append(Finding(path, 1, f"{name} {message}"))
    checked.findings += [Finding(path, 1, why) for path, why in project.misnamed().items()]
    checked.findings += [Finding(path, 1, f"{MISNAMED}: {RULE}") for path in session.catalogue.misnamed()]
    names = project.job_names()
    if len(names) > 1 and AnalysisCache(cache_dir).is_empty:
        with session.reporter.working("sql check: the first on this machine analyzes all jobs at the same time"):
            _fill_cache(project, target, cache_dir, names)
    for name in names:
        try:
            with session.reporter.working(f"sql check {name}"):
                _check_job(session, name, cache_dir, checked)
        except RequestError as error:
            if not checked.findings and names == [name]:
                raise
            checked.findings.append(Finding(project.root / "jobs" / name / "job.yaml", 1, str(error)))
    checked.findings += _parse_unused(session, checked.statements, Analyzer({}, cache_dir))
    return checked


def _fill_cache(project: Project, target: Target, cache_dir: Path, names: Sequence[str]) -> None:
    """Analyze jobs at the same time, so that the check finds their results; mistakes are left to the check."""
    from pipeline.operate.sql.engine import open_service

    open_service(cache_dir)  # compiles, on all processors
    processes = min(len(names), os.cpu_count() or 1)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool, suppress(BrokenProcessPool):
        list(pool.map(_analyze_job, *zip(*((project, target, name, cache_dir) for name in names), strict=True)))


def _analyze_job(project: Project, target: Target, name: str, cache_dir: Path) -> None:
    with suppress(RequestError):
        _check_job(Session.open(project, target), name, cache_dir, Checked())


def _check_job(session: Session, name: str, cache_dir: Path, checked: Checked) -> None:
    job = session.project.job(name)
    check_assets(session.catalogue, job)
    rehearsal = Rehearsal.of(session, job, SAMPLE_DATE)
    sources = source_tables(session, job).values()
    analyzer = Analyzer(rehearsal.tables(), cache_dir, partitions=rehearsal.partitions(), sources=sources)
    broken: set[str] = set()
    for statement in (*rehearsal.sent(), *rehearsal.parts()):
        checked.statements.append(statement)
        if broken & {str(table) for _, _, table in statement.tables}:
            continue  # a finding would only follow from the broken statement that makes its table
        finding = _finding(analyzer, statement)
        if finding and finding not in checked.findings:
            checked.findings.append(finding)
        if finding and (makes := MAKES.match(statement.sql)):
            broken.add(makes.group(1))
    readme = job.folder / "README.md"
    if is_stale(readme, lineage_of(session.project, name)):
        message = f"the section on tables and SQL is stale: run pipeline sql lineage {name} --write"
        checked.findings.append(Finding(readme, 1, message))


def explain_sql(session: Session, job: Job, cache_dir: Path) -> RequestError | None:
    """Return what `sql check` says of the SQL of a job's examples and labels, None if it finds nothing."""
    rehearsal = Rehearsal.of(session, job, SAMPLE_DATE)
    analyzer = Analyzer(rehearsal.tables(), cache_dir, sources=source_tables(session, job).values())
    statements = (*(function.statement for function in functions(session)), *islice(rehearsal.parts(), 2))
    with session.reporter.working(f"sql check {job.name}"):
        findings = [finding for finding in (_finding(analyzer, statement) for statement in statements) if finding]
    if not findings:
        return None
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return RequestError(f"{findings[0]}{more}", hint="fix the SQL; pipeline sql check looks at all of it")


def _finding(analyzer: Analyzer, statement: Statement) -> Finding | None:
    try:
        columns = analyzer.analyze(statement)
    except Rejected as rejected:
        return rejected.finding
    declared = statement.asset.columns
    difference = declared.difference(columns) if declared.columns else ""
    return Finding(statement.asset.path, 1, difference) if difference else None


def _parse_unused(session: Session, statements: Sequence[Statement], analyzer: Analyzer) -> Iterator[Finding]:
    """Parse the versions that no job sends, such as old ones; their tables are unknown, so nothing else is checked."""
    used = {asset.name for statement in statements for asset in (*statement.assets, *statement.asset.functions)}
    for name in session.catalogue.well_named():
        asset = session.catalogue.any(name)
        if name not in used and asset.header.form == "statement":
            try:
                analyzer.parse(asset)
            except Rejected as rejected:
                yield rejected.finding
