"""Reads the rows of the dashboard's views and writes a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.base.files import replace_file
from pipeline.cloud.storage.store import split_uri
from pipeline.errors import RequestError
from pipeline.explain.dashboard.page import page_from_data
from pipeline.explain.dashboard.series import PageRows
from pipeline.explain.dashboard.statements import COLUMNS, latest_rows_statement, rows_statement
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_dashboard, ensure_tables

DAYS = 365
"""Default number of run dates in a page, up to the latest evaluated one."""


def rows_from_views(session: Session, job: Job, first: date | None = None, last: date | None = None) -> PageRows:
    """Return the rows of the seven views that a page shows, by default for the last 365 days.

    Raises
    ------
    RequestError
        The job's headline names a metric that was not evaluated.
    """
    ensure_tables(session, job)
    ensure_dashboard(session, job)
    read = session.warehouse.rows
    latest = read(latest_rows_statement(session, job.name, EARLIEST))
    ends = [last] if last else [row["run_date"] for row in latest]
    begin = first or (max(ends) - timedelta(days=DAYS - 1) if ends else EARLIEST)
    end = last or LATEST
    views = {view: read(rows_statement(session, view, job.name, begin, end)) for view in COLUMNS if view != "slices"}
    headline = _headline(job, {row["metric"] for row in views["history"]})
    slices = read(rows_statement(session, "slices", job.name, begin, end, headline)) if headline else []
    target, spec = session.target, MetricSpec.of(job)
    family = session.catalogue.get(spec.asset)
    pair = family.header.calibration
    return PageRows(
        job=job.name,
        description=job.spec.description,
        made_at=datetime.now(UTC),
        headline=headline,
        source=f"{target.project}.{target.dashboard_dataset}",
        pooled=spec.pooled(family),
        calibration_pair=pair.model_dump() if pair else {},
        judges=family.header.judges,
        latest=latest,
        slices=slices,
        **views,
    )


def _headline(job: Job, known: set[str]) -> list[str]:
    """Return the headline metrics that were evaluated; without any, the first metric."""
    unknown = [name for name in job.spec.headline if name not in known]
    if known and unknown:
        raise job.error(
            "headline", f"there is no metric {unknown[0]!r}", f"the metrics are: {', '.join(sorted(known))}"
        )
    return [name for name in job.spec.headline if name in known] or sorted(known)[:1]


def check_out(out: str) -> None:
    """Check that a page can be written to the value of --out, before anything is read.

    Raises
    ------
    RequestError
        It is not an .html object, or not an .html file in an existing folder.
    """
    if out.startswith("gs://"):
        if not split_uri(out)[1].endswith(".html"):
            raise RequestError(f"--out {out} is not an .html object", hint="write gs://bucket/name.html")
        return
    path = Path(out)
    if path.suffix != ".html" or not path.parent.is_dir() or path.is_dir():
        raise RequestError(
            f"--out {out} is not an .html file in an existing folder", hint="name it .html; create the folder"
        )


def write_dashboard(session: Session, job: Job, out: str, first: date | None = None, last: date | None = None) -> str:
    """Write the page of a job, replacing an older one, and return a line that names its place.

    Parameters
    ----------
    out
        `*.html` file or `gs://` address.
    first, last
        Run dates to show; by default the last 365 days.
    """
    with session.reporter.step(f"{job.name} dashboard") as words:
        page = page_from_data(rows_from_views(session, job, first, last))
        words.append(f"{len(page.encode()) / 1e6:.2f} MB")
    if out.startswith("gs://"):
        session.store.replace_text(page, out, "text/html; charset=utf-8")
        return f"{job.name} dashboard: {out}"
    replace_file(Path(out), page.encode())
    return f"{job.name} dashboard: {Path(out)}"
