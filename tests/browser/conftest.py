"""The system's Chromium, headless; none is downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from pipeline.explain.dashboard.page import page_from_data
from pipeline.explain.dashboard.series import PageRows
from tests.support.programs import found_or_skipped
from tools.picture import find_browser

TIMEOUT = 60_000
"""Milliseconds for a page to be drawn; the machine may be busy."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = found_or_skipped("chromium", find_browser())
    # Chromium refuses to run as root with its sandbox, as in a container; Ubuntu 24.04 forbids it to other users.
    sandbox = [] if os.geteuid() and not os.environ.get("CI") else ["--no-sandbox"]
    # Chromium looks for updates by itself: without host names and proxies no request leaves this machine.
    alone = ["--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-component-update"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*sandbox, *alone], timeout=TIMEOUT)
        yield started
        started.close()


@dataclass
class Opened:
    """A page in a tab, with its console messages and requests."""

    tab: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Collect messages and requests."""
        self.tab.on("console", self._said)
        self.tab.on("pageerror", self._failed)
        self.tab.on("request", self._asked)

    def ignore(self) -> None:
        """Collect nothing any more."""
        self.tab.remove_listener("console", self._said)
        self.tab.remove_listener("pageerror", self._failed)
        self.tab.remove_listener("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        self.messages.append(message.text)

    def _failed(self, error: Error) -> None:
        self.messages.append(str(error))

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def wait(self) -> None:
        """Wait until everything is drawn."""
        self.tab.wait_for_function("document.documentElement.dataset.drawn", timeout=TIMEOUT)

    def choose(self, name: str, value: str) -> None:
        """Set a filter and wait for the drawing."""
        element = self.tab.locator(f"#{name}")
        if name in ("from", "to"):
            element.fill(value)
            element.dispatch_event("change")
        else:
            element.select_option(value)
        self.tab.wait_for_timeout(50)
        self.wait()

    def text(self, selector: str) -> str:
        """Return the text of the first matching element."""
        return self.tab.locator(selector).first.inner_text()

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all matching elements, also in charts."""
        return self.tab.locator(selector).all_text_contents()

    def run(self, script: str, argument: Any = None) -> Any:
        """Run JavaScript in the page and return its result."""
        return self.tab.evaluate(script, argument)


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    """The tab that tests share, one after the other: a new one compiles the page's scripts again."""
    return browser.new_page()


@pytest.fixture
def open_page(browser: Browser, tab: Page, tmp_path: Path):
    """Open pages from rows; at the end of the test check that they sent no requests and wrote no messages."""
    opened: list[Opened] = []

    def show(rows: PageRows | str, width: int = 1440, scheme: str = "light") -> Opened:
        path = tmp_path / "page.html"
        path.write_text(rows if isinstance(rows, str) else page_from_data(rows), encoding="utf-8")
        page = Opened(browser.new_page() if opened else tab)
        opened.append(page)
        page.tab.set_viewport_size({"width": width, "height": 900})
        page.tab.emulate_media(color_scheme=scheme, media="screen")
        page.listen()
        page.tab.goto(path.as_uri(), timeout=TIMEOUT)
        page.wait()
        return page

    yield show
    for page in opened:
        page.ignore()
        if page.tab is not tab:
            page.tab.close()
    for page in opened:
        assert page.messages == [], "the page wrote to the console"
        assert [url for url in page.requests if not url.startswith("file:///")] == []
        assert len(page.requests) == 1, f"the page requested more than itself: {page.requests}"
