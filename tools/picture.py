"""Take a picture of a page with the system's Chromium: python -m tools.picture PAGE.html OUT.png [--width 1440]."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_browser() -> str | None:
    """Return the path of a Chromium that is installed, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def take_picture(page: Path, out: Path, *, width: int, height: int | None, dark: bool, scale: float = 1.0) -> None:
    """Write a picture of a page, or of its first `height` pixels.

    Raises
    ------
    SystemExit
        No Chromium is installed.
    """
    browser_path = find_browser()
    if browser_path is None:
        raise SystemExit("no chromium on this machine: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": width, "height": height or 900},
            color_scheme="dark" if dark else "light",
            device_scale_factor=scale,
        )
        tab.goto(page.resolve().as_uri())
        tab.wait_for_function("document.documentElement.dataset.drawn")
        tab.screenshot(path=out, full_page=height is None)
        browser.close()


def main() -> None:
    """Read the arguments and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=None, help="height in pixels; default: the whole page")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    take_picture(options.page, options.out, width=options.width, height=options.height, dark=options.dark)


if __name__ == "__main__":
    main()
