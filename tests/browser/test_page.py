"""The page in a real browser: requests, filters, hostile names, layout, print and dark mode."""

from __future__ import annotations

import dataclasses
import math
import re
from itertools import combinations, pairwise
from statistics import fmean

import pytest

from pipeline.explain.dashboard.page import page_from_data
from pipeline.explain.dashboard.series import PageRows
from tests.browser.synthetic import FIRST, MADE_AT, synthetic_rows

WIDTHS = (360, 1440)
SECTIONS = ("today", "history", "slices", "calibration", "comparison", "drift", "nights")
HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><img src=x onerror='window.pwned = 2'>",
    '"\'`;--\\" onload="window.pwned = 3"',
    "{{ 7 * 7 }}${window.pwned = 4}",
    "<!--<script>",
    "\u202eright to left \u0000漢字🎉\u2028é́́",
    "very_long_" * 40,
    "no break " * 40,
)


@pytest.fixture(scope="module")
def rows() -> PageRows:
    return synthetic_rows(30, 20)


def champion(rows: PageRows, metric: str, day, key: tuple[str, str] | None = None):
    """Return the row that the page has to show."""
    views = rows.slices if key else rows.history
    return next(
        row
        for row in views
        if (row["metric"], row["run_date"], row["role"]) == (metric, day, "champion")
        and (key is None or (row["slice_name"], row["slice_value"]) == key)
    )


def mean_of_days(rows: PageRows, metric: str, days, key: tuple[str, str] | None = None) -> float:
    """Return the mean of the champion's values that the page holds, with four decimals."""
    return fmean(round(champion(rows, metric, day, key)["value"], 4) for day in days)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_section_is_drawn_without_requests(open_page, rows, width):
    page = open_page(rows, width)
    for name in SECTIONS:
        assert page.tab.locator(f"#{name}").is_visible()
        assert page.text(f"#{name} .finding" if name != "today" else "#lead")
    for name in ("history", "slices", "calibration", "comparison", "nights"):
        assert page.run(f"document.querySelectorAll('#{name}-chart svg path').length") > 5, name
    assert page.text("h1") == "1 Jan to 30 January 2024"


def test_cards_show_value_interval_change_and_sql_version(open_page, rows):
    page = open_page(rows)
    last, before = rows.dates[-1], rows.dates[-2]
    for place, metric in enumerate(rows.headline):
        now, was = champion(rows, metric, last), champion(rows, metric, before)
        card = page.tab.locator(".card").nth(place)
        shown = card.inner_text().replace("\u2212", "-")
        assert f"{now['value']:.4f}" in shown
        assert f"{now['low']:.4f} to {now['high']:.4f}" in shown
        change = round(now["value"], 4) - round(was["value"], 4)
        assert f"{change:+.4f} since 29 Jan" in shown
        assert f"{now['sql_version']} ({now['sql_digest']})" in shown


def test_change_after_a_promotion_is_that_of_one_variant(open_page, rows):
    page, metric = open_page(rows), rows.headline[0]
    champions = [(day, champion(rows, metric, day)["variant"]) for day in rows.dates]
    before, day, variant = next((earlier, day, now) for (earlier, was), (day, now) in pairwise(champions) if was != now)
    page.choose("to", day.isoformat())
    values = {
        row["run_date"]: round(row["value"], 4)
        for row in rows.history
        if row["metric"] == metric and row["variant"] == variant
    }
    shown = page.tab.locator(".card").first.inner_text().replace("\u2212", "-")
    assert f"{values[day] - values[before]:+.4f} since {before.day} " in shown


def test_every_section_names_its_sql(open_page, rows):
    page = open_page(rows)
    for name in ("history", "slices", "calibration", "comparison", "drift"):
        assert re.search(r"SQL \w+/\w+_v\d+ \([0-9a-f]{16}\)", page.text(f"#{name}-caption")), name
    page.tab.locator("#slices-chart svg .mark-symbol path").first.hover(force=True)
    page.tab.locator("#tip").wait_for(state="visible")
    assert "SQL metrics/binary_classification_v2 (0123456789abcdef)" in page.text("#tip")


def test_slices_are_sorted_worst_first(open_page, rows):
    page = open_page(rows)
    last = rows.dates[-1]
    for metric, descending in (("auc", False), ("log_loss", True)):
        page.choose("metric", metric)
        values = {
            f"{row['slice_name']} = {row['slice_value']}": round(row["value"], 4)
            for row in rows.slices
            if (row["metric"], row["run_date"], row["role"]) == (metric, last, "champion")
        }
        labels = page.run(
            "[...document.querySelectorAll('#slices-chart .role-axis-label text')]"
            ".filter((each) => each.textContent.includes('='))"
            ".sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)"
            ".map((each) => each.textContent)"
        )
        assert len(labels) == len(values)
        assert [values[label] for label in labels] == sorted(values.values(), reverse=descending)


def test_date_filters_apply_to_every_section(open_page, rows):
    page = open_page(rows)
    page.choose("to", "2024-01-10")
    assert page.text("h1") == "1 Jan to 10 January 2024"
    assert page.text(".card .value") == f"{mean_of_days(rows, 'auc', rows.dates[:10]):.4f}"
    assert "mean of 10 run dates, 1 Jan to 10 Jan, " in page.text(".card")
    assert "29 of 30" not in page.text("#strip")
    assert "9 of 10 published" in page.text("#strip")
    assert "champion: linear" not in page.texts("#history-chart text")
    page.choose("from", "2024-01-10")
    assert page.text("h1") == "10 January 2024"
    assert page.text(".card .value") == f"{champion(rows, 'auc', rows.dates[9])['value']:.4f}"
    assert "One run date with a value: 10 Jan" in page.text("#history-finding")
    page.choose("from", "2024-01-20")
    assert page.tab.locator("#to").input_value() == "2024-01-20"


def test_champion_change_is_marked_on_its_run_date(open_page, rows):
    page = open_page(rows)
    assert "champion: linear" in page.texts("#history-chart text")
    assert "since 16 Jan" in page.text("#strip")


def test_metric_and_slice_filters_apply(open_page, rows):
    page = open_page(rows)
    page.choose("metric", "log_loss")
    assert page.text("#history-title") == "History of log_loss"
    page.choose("slice", '["carrier","02"]')
    assert page.text("#history-title") == "History of log_loss, carrier = 02"
    value = mean_of_days(rows, "auc", rows.dates, ("carrier", "02"))
    assert page.text(".card .value") == f"{value:.4f}"
    page.choose("metric", "base_rate")
    assert "The page holds slices of auc, log_loss" in page.text("#slices-chart")


def test_challenger_can_be_selected(open_page, rows):
    page = open_page(rows)
    assert page.text("#comparison-finding").startswith("keep on 30 Jan: log_loss is better only on average.")
    assert page.tab.locator("#challenger").input_value() == "boosting@11111111"
    page.choose("challenger", "linear@22222222")
    assert page.text("#comparison-finding").startswith("keep on 15 Jan")
    assert page.texts("#comparison-table tbody th") == ["auc", "log_loss", "brier_score"]


def without_challenger(rows, verdict, reason):
    """Return a verdict on the last run date that names no challenger."""
    empty = dict.fromkeys(rows.comparison[0]) | {"run_date": rows.dates[-1], "champion": "linear@22222222"}
    return {**empty, "verdict": verdict, "reason": reason, "verdict_n": 0}


def test_verdict_on_a_challenger_precedes_one_without(open_page, rows):
    verdict = without_challenger(rows, "too-few-labels", "no label is known yet")
    page = open_page(dataclasses.replace(rows, comparison=[*rows.comparison, verdict]))
    assert page.text("#comparison-finding").startswith("keep on 30 Jan: log_loss is better only on average.")


@pytest.mark.parametrize(
    ("verdict", "reason", "shown"),
    [
        ("too-few-labels", "no label is known yet", "too-few-labels on 30 Jan: no label is known yet."),
        ("first", "first", "first on 30 Jan: linear became champion; there was no challenger."),
    ],
)
def test_verdict_without_a_challenger_is_shown(open_page, rows, verdict, reason, shown):
    page = open_page(dataclasses.replace(rows, comparison=[without_challenger(rows, verdict, reason)]))
    assert page.text("#comparison-finding") == shown


BANDS = "document.querySelectorAll('#comparison-chart .mark-rect path').length"


def test_verdict_interval_is_drawn_with_its_own_gains_only(open_page, rows):
    page = open_page(rows)
    assert page.tab.locator("#compared").input_value() == "log_loss"  # the verdict's metric, although auc is selected
    assert "by log_loss on each run date; above zero the challenger is better" in page.text("#comparison-caption")
    assert page.run(BANDS) == 1
    page.choose("compared", "auc")
    assert page.run(BANDS) == 0
    page.choose("metric", "log_loss")
    assert page.run(BANDS) == 1
    page.choose("from", "2024-01-27")  # a part of the window
    assert page.run(BANDS) == 0


def test_gain_has_the_sign_of_an_improvement(open_page, rows):
    page = open_page(rows)
    last = {row["metric"]: row for row in rows.comparison if row["run_date"] == rows.dates[-1]}
    shown = {
        line.split("\t")[0]: line.split("\t")[3].replace("\u2212", "-")
        for line in page.text("#comparison-table tbody").splitlines()
        if line.count("\t") == 3
    }
    for metric, sign in (("auc", 1), ("log_loss", -1), ("brier_score", -1)):
        assert float(shown[metric]) == pytest.approx(sign * last[metric]["difference"], abs=6e-5), metric


def test_all_drift_rows_are_shown_on_demand_and_in_print(open_page):
    page = open_page(synthetic_rows(3, 2, features=20))
    shown = "[...document.querySelectorAll('#drift-table tbody tr')].filter((each) => each.checkVisibility()).length"
    assert page.run(shown) == 12
    page.tab.emulate_media(media="print")
    assert page.run(shown) == 20
    page.tab.emulate_media(media="screen")
    page.tab.wait_for_timeout(400)
    page.wait()
    assert page.text("#drift-more") == "Show 8 more"
    page.tab.locator("#drift-more").click()
    assert page.run(shown) == 20
    assert not page.tab.locator("#drift-more").is_visible()


def test_drift_beyond_its_threshold_comes_first(open_page, rows):
    page = open_page(rows)
    assert "feature_1" in page.text("#drift-finding")
    assert page.text("#drift-table tbody th") == "feature_1"
    assert page.tab.locator("#drift-table td.over").count() == 1
    assert page.tab.locator("#drift-table tbody tr").count() == 12


def test_missing_nights_are_named(open_page, rows):
    page = open_page(rows)
    assert "Published: 29 of 30 days, 1 Jan to 30 Jan; not 5 Jan." in page.text("#nights-finding")
    assert page.texts("#nights-table tbody th") == ["preprocess", "train", "predict", "load", "evaluate"]


def test_variants_that_failed_are_named(open_page, rows):
    failed = rows.runs[-1] | {"event": "failed", "phase": "train", "variant": "trees@1", "rows": None}
    page = open_page(dataclasses.replace(rows, runs=[*rows.runs, failed]))
    assert "Failed, without the other variants: trees on 30 Jan in train;" in page.text("#nights-finding")


@pytest.mark.matrix(4)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_text(open_page, name, width):
    rows = synthetic_rows(
        8,
        4,
        variants=(f"{name}@1", f"b{name}@2"),
        slice_names=(name, "ok"),
        slice_value=name.replace("{", "{{").replace("}", "}}") + "{}",
    )
    rows = dataclasses.replace(
        rows,
        job=name,
        description=name,
        drift=[row | {"feature": name} for row in rows.drift],
        comparison=[row | {"reason": name} for row in rows.comparison],
    )
    page = open_page(rows, width)
    seen = name.replace("\u0000", "")  # the HTML standard removes NUL
    assert page.run("window.pwned") is None
    assert page.run("document.scripts.length") == 4
    assert page.run("document.images.length") == 0
    assert page.run("document.querySelector('.job').textContent") == seen
    assert name.split("@")[0] in page.run("document.querySelector('#drift-table tbody th').textContent")
    page.tab.locator("#slice").select_option(index=1)
    page.tab.wait_for_timeout(50)
    page.wait()
    assert name in page.run("document.querySelector('#history-title').textContent")
    assert page.run("window.pwned") is None
    assert fits(page, width)


def test_policy_blocks_foreign_scripts_and_styles(open_page, rows):
    html = page_from_data(rows)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]
    page = open_page(
        html.replace("</main>", "<script>window.pwned = 1</script><p id='styled' style='position:fixed'></p></main>")
    )
    assert page.run("window.pwned") is None
    assert page.run("getComputedStyle(document.getElementById('styled')).position") == "static"
    refused = [message for message in page.messages if "Content Security Policy" in message]
    assert len(refused) == len(page.messages) == 2
    page.messages.clear()


def fits(page, width: int) -> bool:
    """Tell whether the page cannot be scrolled sideways; tables scroll in their own frames."""
    return page.run("document.documentElement.scrollWidth") <= width and page.run("document.body.scrollWidth") <= width


def overlapping(page, selector: str) -> list[tuple[str, str]]:
    """Return pairs of visible elements that overlap by more than a pixel."""
    boxes = page.run(
        "(selector) => [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility())"
        ".map((each) => { const box = each.getBoundingClientRect();"
        " return [each.id || each.textContent.slice(0, 30), box.left, box.top, box.right, box.bottom]; })",
        selector,
    )
    assert boxes, f"there is no {selector}"
    return [
        (a[0], b[0])
        for a, b in combinations([box for box in boxes if box[3] > box[1] and box[4] > box[2]], 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > 1 and min(a[4], b[4]) - max(a[2], b[2]) > 1
    ]


@pytest.mark.parametrize("width", [*WIDTHS, 768])
def test_nothing_overlaps_or_scrolls_sideways(open_page, rows, width):
    page = open_page(rows, width)
    assert fits(page, width)
    for selector in (
        "main section",
        ".bar-inner > *",
        ".filters label",
        ".card",
        ".card > *",
        ".figure > *",
        "#strip > div",
        "#history-legend li",
        "#nights-legend li",
        "#history > *",
        "#comparison > *",
        "#history-chart .role-axis-label text",
        "#slices-chart .role-axis-label text",
        "#calibration-chart .role-axis-label text",
        "#comparison-chart .role-axis-label text",
        "#nights-chart .role-axis-label text",
    ):
        assert overlapping(page, selector) == [], selector
    wide = page.run(
        "[...document.querySelectorAll('.chart svg')]"
        ".filter((svg) => svg.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert wide == 0


def test_resized_window_is_redrawn(open_page, rows):
    page = open_page(rows, 1440)
    page.tab.set_viewport_size({"width": 360, "height": 800})
    page.tab.wait_for_timeout(400)
    page.wait()
    assert fits(page, 360)
    assert page.run("document.querySelector('#history-chart svg').getBoundingClientRect().right") <= 360


def test_theme_follows_the_system_and_its_button(open_page, rows):
    background = "getComputedStyle(document.body).backgroundColor"
    line = "getComputedStyle(document.querySelector('#history-chart .mark-line path')).stroke"
    page = open_page(rows, scheme="dark")
    assert page.run(background) == "rgb(18, 19, 22)"
    dark_line = page.run(line)
    page.tab.locator("#theme").click()
    page.tab.wait_for_timeout(50)
    page.wait()
    assert page.run(background) == "rgb(252, 252, 251)"
    assert page.run(line) != dark_line
    assert open_page(rows, scheme="light").run(line) == page.run(line)


def test_print_is_white_and_has_every_section(open_page, rows):
    page = open_page(rows, scheme="dark")
    page.tab.emulate_media(media="print")
    page.tab.wait_for_timeout(400)
    page.wait()
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.tab.locator("#theme").is_visible()
    assert all(page.tab.locator(f"#{name}").is_visible() for name in SECTIONS)
    pdf = page.tab.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 6


@pytest.mark.parametrize("width", WIDTHS)
def test_page_without_rows(open_page, width):
    page = open_page(PageRows(job="fresh", made_at=MADE_AT), width)
    assert page.text("h1") == "Nothing evaluated"
    assert "Drift was not measured" in page.text("#drift-finding")
    assert fits(page, width)


def test_page_of_a_job_without_labels(open_page, rows):
    waiting = PageRows(job="waiting", made_at=MADE_AT, runs=rows.runs, drift=rows.drift)
    page = open_page(waiting)
    assert page.text("h1") == "Nothing evaluated"
    assert page.text("#lead") == "29 run dates published, none of them evaluated."
    assert "29 of 30 published" in page.text("#strip")


def test_missing_values_are_explained_and_not_drawn(open_page, rows):
    last = rows.dates[-1]

    def without_value(row):
        if row["run_date"] != last:
            return row
        return row | {"value": math.nan, "low": None, "high": math.inf, "note": "one class only"}

    page = open_page(
        dataclasses.replace(
            rows,
            history=[without_value(row) for row in rows.history],
            slices=[without_value(row) for row in rows.slices],
        )
    )
    assert "30 Jan: no value: one class only" in page.text(".card")
    assert "mean of 29 run dates, 1 Jan to 29 Jan" in page.text(".card")
    page.choose("from", last.isoformat())
    assert page.text(".card .value") == "\u2013"
    assert "No slice has a value on this run date." in page.text("#slices-chart")


def test_single_day_has_no_change_and_explains_missing_intervals(open_page):
    rows = synthetic_rows(1, 2)
    bare = [row | {"low": None, "high": None, "note": "fewer than 30 positives"} for row in rows.history]
    page = open_page(dataclasses.replace(rows, history=bare))
    assert page.text("h1") == f"{FIRST.day} January 2024"
    assert "no interval: fewer than 30 positives" in page.text(".card")
    assert "since" not in page.text(".card")
