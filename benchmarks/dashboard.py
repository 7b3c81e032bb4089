"""Size and drawing time of the dashboard page of a year and fifty slices, from synthetic metrics."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.sizes import Sizes
from pipeline.explain.dashboard.page import page_from_data
from tests.browser.synthetic import synthetic_rows
from tools.picture import find_browser

DRAWN = "document.documentElement.dataset.drawn"


def measure(sizes: Sizes) -> dict[str, float]:
    """Make and draw the page; without Chromium it is not drawn."""
    rows = synthetic_rows(sizes.page_days, sizes.slices)
    page_from_data(synthetic_rows(2, 2))  # bundles the JavaScript once a process
    started = time.perf_counter()
    html = page_from_data(rows)
    measured = {"page_made": time.perf_counter() - started, "page_size": len(html.encode()) / 1e6}
    browser = find_browser()
    if browser:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            path = Path(folder) / "page.html"
            path.write_text(html, encoding="utf-8")
            measured["page_drawn"] = statistics.median(draw(browser, path, sizes.pairs))
    return measured


def draw(browser: str, path: Path, rounds: int) -> list[float]:
    """Return the seconds from the start of navigation until the page is drawn, in a new tab each time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=[] if os.geteuid() else ["--no-sandbox"])
        seconds = []
        for _ in range(rounds):
            tab = started.new_page(viewport={"width": 1440, "height": 900})
            tab.goto(path.as_uri())
            tab.wait_for_function(DRAWN)
            seconds.append(float(tab.evaluate(DRAWN)) / 1000)
            tab.close()
        started.close()
        return seconds
