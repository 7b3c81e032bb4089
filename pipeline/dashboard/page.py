"""The page: template, style, script, runtime and data in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipeline.dashboard.charts import compiled_charts
from pipeline.dashboard.data import page_data, versions
from pipeline.dashboard.rows import PageRows
from pipeline.dashboard.runtime import runtime

SCRIPTS = (
    *("decode.js", "select.js", "words.js", "draw.js", "sections.js"),
    *("sections_charts.js", "sections_comparison.js", "sections_tables.js", "main.js"),
)
"""Parts of the page's script, in the order in which they build on each other."""


def page_from_data(rows: PageRows) -> str:
    """Return the page as HTML.

    It is a pure function of the rows: the same rows make the same page. Everything that comes from them is text: the
    template escapes it, and the script sets it as text.
    """
    style, script, library = _file("page.css"), _script(), runtime()
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(library)} {_hash(script)}",
            f"style-src {_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    html: str = _template().render(
        rows=rows,
        policy=policy,
        versions=versions(rows),
        style=Markup(style),  # noqa: S704 - files of this package
        script=Markup(script),  # noqa: S704
        runtime=Markup(library),  # noqa: S704
        data=as_script_data(page_data(rows)),
        charts=as_script_data(compiled_charts()),
    )
    return html


def as_script_data(value: Any) -> Markup:
    """Return a value as JSON that cannot end the script element in which it stands."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for each in "<>&\u2028\u2029":
        text = text.replace(each, f"\\u{ord(each):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy says of an element with this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    return files("pipeline.dashboard").joinpath("page", name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    body = "\n".join(_file(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


@cache
def _template() -> Any:
    environment = Environment(autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    return environment.from_string(_file("page.html"))
