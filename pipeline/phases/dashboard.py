"""Write the dashboard page of a job to a file or an object."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pipeline.dashboard import page_from_views
from pipeline.errors import RequestError
from pipeline.files import replace_file
from pipeline.project import Job
from pipeline.session import Session
from pipeline.store.store import split_uri


def check_place(out: str) -> None:
    """Refuse a place where no page can be written, before anything is read."""
    if out.startswith("gs://"):
        if not split_uri(out)[1].endswith(".html"):
            raise RequestError(f"--out {out} is no .html object", hint="write gs://bucket/name.html")
        return
    path = Path(out)
    if path.suffix != ".html" or not path.parent.is_dir() or path.is_dir():
        raise RequestError(f"--out {out} is no .html file in a folder", hint="a page is an .html file; make the folder")


def write_dashboard(session: Session, job: Job, out: str, first: date | None = None, last: date | None = None) -> str:
    """Write the page of a job, in the place of an older one, and say where it is.

    Parameters
    ----------
    out
        `*.html` file or `gs://` address.
    first, last
        Run dates to show; the last 365 days when not given.
    """
    with session.reporter.step(f"{job.name} dashboard") as said:
        page = page_from_views(session, job, first, last)
        said.append(f"{len(page.encode()) / 1e6:.2f} MB")
    if out.startswith("gs://"):
        session.store.replace_text(page, out, "text/html; charset=utf-8")
        return f"{job.name} dashboard: {out}"
    path = Path(out)
    replace_file(path, page.encode())
    return f"{job.name} dashboard: {path}"
