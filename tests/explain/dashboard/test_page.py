"""The page as text: reproducible, small and escaped, with a policy for its own scripts and style only."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from importlib.resources import files

import pytest

from pipeline.explain.dashboard.charts import CHARTS, compiled_charts
from pipeline.explain.dashboard.page import as_script_data, page_from_data, runtime
from tests.browser.synthetic import synthetic_rows

LIMIT = 3_000_000
"""Largest size of a page, in bytes."""


@pytest.fixture(scope="module")
def rows():
    return synthetic_rows(5, 4)


@pytest.fixture(scope="module")
def html(rows):
    return page_from_data(rows)


def test_same_rows_make_the_same_page(rows, html):
    assert page_from_data(rows) == html


def test_page_of_a_year_with_fifty_slices_is_small():
    assert len(page_from_data(synthetic_rows(365, 50)).encode()) < LIMIT


def test_policy_allows_only_the_own_scripts_and_style(html):
    policy = dict(
        part.split(" ", 1)
        for part in re.search(r'Policy" content="([^"]+)"', html)[1].replace("&#39;", "'").split("; ")
    )
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [hashed(text) for text in scripts]
    assert policy["style-src"] == hashed(re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1])
    assert set(policy) == {"default-src", "script-src", "style-src", "base-uri", "form-action", "img-src"}


def hashed(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_page_names_no_other_address(html):
    without_runtime = html.replace(runtime(), "")
    assert set(re.findall(r"https?://[^\"'\s)]+", without_runtime)) <= {
        "http://www.w3.org/2000/svg",
        "https://vega.github.io/schema/vega/v6.json",  # a schema name, never fetched
    }


@pytest.mark.parametrize("text", ["</script>", "<!--", "&lt;", "\u2028\u2029", '"quoted"', "漢字🎉\\"])
def test_data_cannot_end_their_script_element(text):
    script = str(as_script_data({"a": text}))
    assert not set("<>&\u2028\u2029") & set(script)
    assert json.loads(script) == {"a": text}


def test_names_in_the_template_are_escaped(rows):
    html = page_from_data(dataclasses.replace(rows, job="<b>'\"&", description="<script>x</script>", source="<i>"))
    assert "&lt;b&gt;&#39;&#34;&amp;" in html
    assert "<script>x" not in html
    assert "<i>" not in html


def test_every_chart_is_compiled_with_its_signals():
    for name, chart in compiled_charts().items():
        signals = {signal["name"] for signal in chart["signals"]}
        assert {"accent", "ink", "muted", "surface", "ticks", "number_format"} <= signals, name
        assert {"rows"} <= {table["name"] for table in chart["data"]}, name
        assert "url" not in json.dumps(chart["data"])
    assert set(compiled_charts()) == set(CHARTS)


def test_package_contains_the_files_of_the_page():
    names = {file.name for file in files("pipeline.explain.dashboard").joinpath("page").iterdir()}
    assert {"page.html", "page.css", "main.js", "draw.js"} <= names
