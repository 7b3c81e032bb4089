"""A real Chromium, headless: the system's, never a downloaded one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.explain.dashboard import PageRows, page_from_data
from tests.support.programs import found_or_skipped
from tools.picture import find_browser

TIMEOUT = 60_000
"""Milliseconds for a page to be drawn; the machine may be busy."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = found_or_skipped("chromium", find_browser())
    # Chromium refuses to run as root with its sandbox, as in a container; Ubuntu 24.04 lets no one else have it.
    sandbox = [] if os.geteuid() and not os.environ.get("CI") else ["--no-sandbox"]
    # Chromium itself looks for updates: without names and proxies nothing that it tries leaves this machine.
    alone = ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-component-update"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*sandbox, *alone], timeout=TIMEOUT)
        yield started
        started.close()


@dataclass
class Opened:
    """A page in a tab, and what it said and asked for."""

    tab: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Wait until everything is drawn."""
        self.tab.wait_for_function("document.documentElement.dataset.drawn", timeout=TIMEOUT)

    def choose(self, name: str, value: str) -> None:
        """Set a filter, as a person does, and wait for the drawing."""
        element = self.tab.locator(f"#{name}")
        if name in ("from", "to"):
            element.fill(value)
            element.dispatch_event("change")
        else:
            element.select_option(value)
        self.tab.wait_for_timeout(50)
        self.wait()

    def text(self, selector: str) -> str:
        """Text of the first element."""
        return self.tab.locator(selector).first.inner_text()

    def texts(self, selector: str) -> list[str]:
        """Texts of all elements; of charts too."""
        return self.tab.locator(selector).all_text_contents()

    def run(self, script: str, argument: Any = None) -> Any:
        """Result of JavaScript in the page."""
        return self.tab.evaluate(script, argument)


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path):
    """Open a page from rows; at the end of the test it must have asked for nothing and said nothing."""
    opened: list[Opened] = []
    made: list[Page] = []

    def show(rows: PageRows | str, width: int = 1440, scheme: str = "light") -> Opened:
        path = tmp_path / "page.html"
        path.write_text(rows if isinstance(rows, str) else page_from_data(rows), encoding="utf-8")
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        found = Opened(tab)
        made.append(tab)
        opened.append(found)
        tab.on("console", lambda message: found.messages.append(message.text))
        tab.on("pageerror", lambda error: found.messages.append(str(error)))
        tab.on("request", lambda request: found.requests.append(request.url))
        tab.goto(path.as_uri(), timeout=TIMEOUT)
        found.wait()
        return found

    yield show
    for tab in made:
        tab.close()
    for each in opened:
        assert each.messages == [], "the page wrote to the console"
        assert [url for url in each.requests if not url.startswith("file:///")] == []
        assert len(each.requests) == 1, f"the page asked for more than itself: {each.requests}"
