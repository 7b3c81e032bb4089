"""Size and drawing time of the dashboard page of a year and fifty slices."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from pipeline.explain.dashboard.page import page_from_data
from tests.browser.synthetic import synthetic_rows
from tools.picture import find_browser

DAYS, SLICES, ROUNDS = 365, 50, 5
LARGEST = 3.0
"""Target of the size of the page, in MB."""

SLOWEST = 2.0
"""Target of the time from opening the file until every chart is drawn, in seconds."""

DRAWN = "document.documentElement.dataset.drawn"


def report() -> None:
    """Make and draw the page, and print size and seconds."""
    rows = synthetic_rows(DAYS, SLICES)
    page_from_data(synthetic_rows(2, 2))  # bundles the JavaScript once a process
    started = time.perf_counter()
    html = page_from_data(rows)
    seconds, size = time.perf_counter() - started, len(html.encode()) / 1e6
    title = f"dashboard of {DAYS} days x {SLICES} slices"
    verdict = "met" if size < LARGEST else "MISSED"
    print(f"{title}: made in {seconds:.2f} s, {size:.2f} MB (target under {LARGEST}: {verdict})")
    browser = find_browser()
    if browser is None:
        print(f"{title}: not drawn: chromium is not installed on this machine")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        drawn = statistics.median(draw(browser, path))
    verdict = "met" if drawn < SLOWEST else "MISSED"
    print(f"{title}: drawn in {drawn:.2f} s (median of {ROUNDS}; target under {SLOWEST}: {verdict})")


def draw(browser: str, path: Path) -> list[float]:
    """Return the seconds from the start of navigation until the page is drawn, in a new tab each time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=[] if os.geteuid() else ["--no-sandbox"])
        seconds = []
        for _ in range(ROUNDS):
            tab = started.new_page(viewport={"width": 1440, "height": 900})
            tab.goto(path.as_uri())
            tab.wait_for_function(DRAWN)
            seconds.append(float(tab.evaluate(DRAWN)) / 1000)
            tab.close()
        started.close()
        return seconds


if __name__ == "__main__":
    report()
