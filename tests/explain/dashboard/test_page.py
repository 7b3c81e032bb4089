"""The page as text: pure, small, escaped, and with a policy that names exactly what it holds."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from importlib.resources import files

import pytest

from pipeline.explain.dashboard import page_from_data
from pipeline.explain.dashboard.charts import CHARTS, compiled_charts
from pipeline.explain.dashboard.page import as_script_data, runtime
from tests.browser.synthetic import synthetic_rows

LIMIT = 3_000_000
"""Bytes of a page."""


@pytest.fixture(scope="module")
def rows():
    return synthetic_rows(5, 4)


@pytest.fixture(scope="module")
def html(rows):
    return page_from_data(rows)


def test_the_same_rows_make_the_same_page(rows, html):
    assert page_from_data(rows) == html


def test_a_year_of_fifty_slices_is_a_small_page():
    assert len(page_from_data(synthetic_rows(365, 50)).encode()) < LIMIT


def test_the_policy_allows_the_scripts_and_the_style_of_the_page_and_nothing_else(html):
    policy = dict(
        part.split(" ", 1)
        for part in re.search(r'Policy" content="([^"]+)"', html)[1].replace("&#39;", "'").split("; ")
    )
    held = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [hashed(text) for text in held]
    assert policy["style-src"] == hashed(re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1])
    assert set(policy) == {"default-src", "script-src", "style-src", "base-uri", "form-action", "img-src"}


def hashed(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_names_no_other_place(html):
    without_runtime = html.replace(runtime(), "")
    assert set(re.findall(r"https?://[^\"'\s)]+", without_runtime)) <= {
        "http://www.w3.org/2000/svg",
        "https://vega.github.io/schema/vega/v6.json",  # name of a language, never fetched
    }


@pytest.mark.parametrize("text", ["</script>", "<!--", "&lt;", "\u2028\u2029", '"quoted"', "漢字🎉\\"])
def test_data_cannot_end_their_element_and_come_back_whole(text):
    found = str(as_script_data({"a": text}))
    assert not set("<>&\u2028\u2029") & set(found)
    assert json.loads(found) == {"a": text}


def test_names_in_the_frame_of_the_page_are_escaped(rows):
    html = page_from_data(dataclasses.replace(rows, job="<b>'\"&", description="<script>x</script>", source="<i>"))
    assert "&lt;b&gt;&#39;&#34;&amp;" in html
    assert "<script>x" not in html
    assert "<i>" not in html


def test_every_chart_is_compiled_and_has_its_signals():
    for name, chart in compiled_charts().items():
        signals = {signal["name"] for signal in chart["signals"]}
        assert {"accent", "ink", "muted", "surface", "ticks", "number_format"} <= signals, name
        assert {"rows"} <= {table["name"] for table in chart["data"]}, name
        assert "url" not in json.dumps(chart["data"])
    assert set(compiled_charts()) == set(CHARTS)


def test_the_files_of_the_page_are_in_the_package():
    names = {each.name for each in files("pipeline.explain.dashboard").joinpath("page").iterdir()}
    assert {"page.html", "page.css", "main.js", "draw.js"} <= names
