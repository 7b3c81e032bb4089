"""The page as HTML: a template, its style and script, the runtime that draws charts, and the data."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

import vl_convert as vlc
from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipeline.explain.dashboard.charts import VEGA_LITE, compiled_charts
from pipeline.explain.dashboard.data import page_data, versions
from pipeline.explain.dashboard.series import PageRows

NOTICE = """\
/*! Contains Vega, Vega-Lite, Vega-Embed and the packages that they are made of.
Copyright (c) University of Washington Interactive Data Lab. BSD 3-Clause License. */
"""

SCRIPTS = (
    *("decode.js", "select.js", "words.js", "draw.js", "sections.js"),
    *("sections_charts.js", "sections_comparison.js", "sections_tables.js", "main.js"),
)
"""Parts of the page's script; each uses those before it."""


def page_from_data(rows: PageRows) -> str:
    """Return the page as HTML; the same rows make the same page.

    Everything that comes from rows stays text: the template escapes it, and the script sets it as text.
    """
    style, library, parts = _file("page.css"), runtime(), "\n".join(map(_file, SCRIPTS))
    script = f'(() => {{\n"use strict";\n{parts}\n}})();\n'
    policy = [
        "default-src 'none'",
        f"script-src {_hash(library)} {_hash(script)}",
        f"style-src {_hash(style)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    html: str = _template().render(
        rows=rows,
        policy="; ".join(policy),
        versions=versions(rows),
        style=Markup(style),  # noqa: S704 - files of this package
        script=Markup(script),  # noqa: S704
        runtime=Markup(library),  # noqa: S704
        data=as_script_data(page_data(rows)),
        charts=as_script_data(compiled_charts()),
    )
    return html


def as_script_data(value: Any) -> Markup:
    """Return a value as JSON that cannot end the script element around it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


@cache
def runtime() -> str:
    """Return the JavaScript that defines `vegaEmbed`: Vega with its expression interpreter, from the locked vl-convert.

    Raises
    ------
    ValueError
        The script would end the script element around it.
    """
    # Libraries are bundled into the scope of this snippet; only those that it names are kept.
    script = vlc.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the runtime of Vega holds the end of a script element")
    return NOTICE + script


def _hash(text: str) -> str:
    """Return the hash of an element's text, as a Content-Security-Policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    return files("pipeline.explain.dashboard").joinpath("page", name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    environment = Environment(autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    return environment.from_string(_file("page.html"))
