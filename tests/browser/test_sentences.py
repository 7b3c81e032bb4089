"""Each sentence of the page is true of its window: data with which another sentence would be false."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from pipeline.explain.dashboard.series import PageRows
from tests.browser.synthetic import FIRST, MADE_AT

SQL = {"sql_version": "metrics/regression_v1", "sql_digest": "0123456789abcdef"}
CHAMPION, BASELINE = "boosting@1", "constant@2"
Row = dict[str, Any]


def history(
    metric: str, variant: str, role: str, values: list[float | None], n: int = 24, *, first: int = 0
) -> list[Row]:
    """Return the values of a metric on consecutive run dates, without intervals."""
    base = {"metric": metric, "variant": variant, "role": role, "n": n, "low": None, "high": None, **SQL}
    few = "no interval: fewer than 30 rows"
    days = [FIRST + timedelta(days=first + place) for place in range(len(values))]
    return [{**base, "run_date": day, "value": value, "note": few} for day, value in zip(days, values, strict=True)]


def page_rows(rows: list[Row], **others: Any) -> PageRows:
    """Return the rows of a regression that is judged by mae."""
    latest = [{"run_date": rows[-1]["run_date"], "metric": "mae", "better": "lower"}] if rows else []
    shown = PageRows(
        job="demand",
        made_at=MADE_AT,
        headline=["mae"],
        latest=latest,
        history=rows,
        pooled=dict.fromkeys(("mae", "label_mean", "mean_prediction"), "mean"),
        calibration_pair={"predicted": "mean_prediction", "actual": "label_mean", "unit": "label"},
    )
    return dataclasses.replace(shown, **others)


def drift_row(measure: str, value: float | None, n: int, note: str | None = None, *, warns: bool = False) -> Row:
    row = {"run_date": FIRST, "variant": "", "feature": "price", "measure": measure, "n": n, "value": value}
    named = {"sql_version": "drift/distributions_v1", "sql_digest": "fedcba9876543210"}
    return row | {"reference": 120.0, "threshold": 0.1, "is_warning": warns, "note": note} | named


def published(days: range) -> list[Row]:
    empty = dict.fromkeys(("rows", "seconds", "bytes", "cost", "sql_version", "sql_digest", "code_digest"))
    event = {"run_id": "r", "phase": "load", "event": "published", "variant": CHAMPION, "recorded_at": MADE_AT} | empty
    return [event | {"run_date": FIRST + timedelta(days=day)} for day in days]


# Ten run dates: 32.8 against 46.6 in all, but on the last one the baseline is ahead.
ERRORS = [32.0, 31.0, 33.5, 30.0, 34.0, 32.5, 31.5, 33.0, 30.5, 40.0]
CONSTANT = [47.0, 48.0, 46.0, 49.0, 47.5, 48.5, 46.5, 48.0, 49.5, 36.0]


def test_lead_compares_all_run_dates_of_the_window(open_page):
    rows = history("mae", CHAMPION, "champion", ERRORS) + history("mae", BASELINE, "baseline", CONSTANT)
    page = open_page(page_rows(rows))
    lead = page.text("#lead").replace("\u2212", "-")
    assert lead.startswith(
        "10 evaluated run dates. By mae over 10 run dates, 1 Jan to 10 Jan, 240 rows: the champion, 32.8"
    )
    assert "is better than the best baseline, constant with 46.6" in lead
    assert "better on 9 of 10. The gain is clear: +" in lead
    assert page.text(".card .value") == "32.80"
    assert "pooled over 10 run dates, 1 Jan to 10 Jan, 240 rows; 30." in page.text(".card")
    page.choose("from", "2024-01-10")
    lead = page.text("#lead")
    assert "By mae over 1 run date, 10 Jan, 24 rows: the champion, 40.00, is worse than" in lead
    assert "One run date without an interval is not conclusive." in lead
    page.choose("from", "2024-01-06")
    assert "Fewer than 7 run dates are not conclusive." in page.text("#lead")


def test_lead_and_legend_compare_common_run_dates(open_page):
    """The baseline has the three easy run dates only: its mean over these is below the champion's over all."""
    rows = history("mae", CHAMPION, "champion", [50.0, 60.0, 70.0, 10.0, 10.0, 10.0])
    rows += history("mae", BASELINE, "baseline", [20.0, 20.0, 20.0], first=3)
    page = open_page(page_rows(rows))
    assert "over 3 run dates, 4 Jan to 6 Jan, 72 rows: the champion, 10, is better than" in page.text("#lead")
    legend = page.texts("#history-legend li span")
    assert legend == ["champion, 35", "baseline, 20 (3 of 6 run dates)"]


def test_days_weigh_by_rows_where_the_family_pools_them(open_page):
    rows = history("mae", CHAMPION, "champion", [10.5], n=100)
    rows += history("mae", CHAMPION, "champion", [40.5], n=50, first=1)
    assert open_page(page_rows(rows)).text(".card .value") == "20.50"
    page = open_page(page_rows(rows, pooled={}))
    assert page.text(".card .value") == "25.50"
    assert "mean of 2 run dates, 1 Jan to 2 Jan, 150 rows; no interval: fewer than 7 run dates" in page.text(".card")
    assert open_page(page_rows(rows, pooled={"mae": "root_mean_square"})).text(".card .value") == "24.90"


def test_users_are_not_called_rows(open_page):
    page = open_page(page_rows(history("mae", CHAMPION, "champion", [10.0, 20.0]), judges="user"))
    card = page.text(".card")
    assert "48 users (each counted once a run date)" in card
    assert "24 users" in card
    assert " rows, " not in card
    assert "24 rows" not in card


def test_a_mean_of_labels_is_no_percentage(open_page):
    drift = [drift_row("label_rate", 243.6, 240)]
    page = open_page(page_rows(history("mae", CHAMPION, "champion", [10.0]), drift=drift))
    assert page.texts("#drift-table thead th")[1] == "mean label"
    assert page.text("#drift-table tbody td") == "243.600"
    share = {"predicted": "mean_score", "actual": "base_rate", "unit": "share"}
    page = open_page(page_rows([], drift=[drift_row("label_rate", 0.25, 240)], calibration_pair=share))
    assert page.texts("#drift-table thead th")[1] == "label rate"
    assert page.text("#drift-table tbody td") == "25.0 %"


NO_WARNING = "No warning on 1 Jan,"
WITHOUT = " is beyond its threshold without a reason."
LACKING = " not judged: too few rows or values."
EXCUSED = " beyond it with a reason: as on other days, or within chance."


@pytest.mark.parametrize(
    ("cells", "found", "strip"),
    [
        (
            [drift_row("psi", 0.05, 24), drift_row("missing_rate", 0.0, 24)],
            "Not judged on 1 Jan, up to 24 rows: none of 2 measures has enough rows and values on both sides.",
            "not judged",
        ),
        (
            [drift_row("psi", 0.05, 99), drift_row("missing_rate", 0.0, 99)],
            f"{NO_WARNING} up to 99 rows: none of 1 judged measure is beyond its threshold. 1 measure{LACKING}",
            "no warning",
        ),
        (
            [
                drift_row("psi", None, 240, "no value in the training data"),
                drift_row("jensen_shannon", 0.3, 240, "within chance"),
            ],
            f"{NO_WARNING} up to 240 rows: none of 1 judged measure{WITHOUT} 1{EXCUSED} 1 measure{LACKING}",
            "no warning",
        ),
        (
            [drift_row("psi", 3.0, 240, warns=True)],
            "Beyond their threshold on 1 Jan, up to 240 rows, compared with the training data: price.",
            "1 warning",
        ),
    ],
)
def test_drift_says_what_could_be_judged(open_page, cells, found, strip):
    page = open_page(page_rows([], drift=cells))
    assert page.text("#drift-finding") == found
    assert strip in page.text("#strip")


def test_later_run_dates_are_counted_where_they_are_published(open_page):
    rows = history("mae", CHAMPION, "champion", [10.0, 11.0])
    assert "1 later run date published and not evaluated." in open_page(page_rows(rows, runs=published(range(3)))).text(
        "#lead"
    )
    by_hand = dict.fromkeys(("metric", "challenger", "verdict_n", "needed_n", "verdict_difference"))
    by_hand |= dict.fromkeys(("verdict_low", "verdict_high", "sql_version", "sql_digest"))
    by_hand |= {"run_date": FIRST + timedelta(days=9), "champion": CHAMPION, "verdict": "promote", "reason": "by hand"}
    page = open_page(page_rows(rows, runs=published(range(2)), comparison=[by_hand]))
    assert "later" not in page.text("#lead")
    assert "label" not in page.text("#lead")


def test_champion_of_the_first_evaluated_run_date_may_be_older(open_page):
    rows = history("mae", CHAMPION, "champion", [10.0, 11.0], first=3)
    page = open_page(page_rows(rows, runs=published(range(5))))
    assert "since 4 Jan or earlier, seen on 5 Jan" in page.text("#strip")


def test_regression_has_predicted_against_actual(open_page):
    rows = history("mae", CHAMPION, "champion", [10.0, 11.0])
    rows += history("mean_prediction", CHAMPION, "champion", [250.0, 230.0])
    rows += history("label_mean", CHAMPION, "champion", [240.0, 236.0])
    page = open_page(page_rows(rows))
    assert page.text("#calibration-title") == "Predicted against actual"
    assert page.text("#calibration-finding") == (
        "Over 2 run dates, 1 Jan to 2 Jan, 48 rows, the mean prediction was 240 and the mean label 238."
        " A dot is a run date; the mean prediction was above the mean label on 1 of 2."
    )
    assert page.run("document.querySelectorAll('#calibration-chart .mark-symbol path').length") >= 2
    assert not any("%" in text for text in page.texts("#calibration-chart text"))


def test_slices_without_intervals_are_not_judged(open_page):
    rows = history("mae", CHAMPION, "champion", [10.0])
    cut = [row | {"slice_name": "shop", "slice_value": name, "value": 9.0} for row in rows for name in "ab"]
    page = open_page(page_rows(rows, slices=cut))
    assert page.text("#slices-title") == "Slices on 1 Jan, 24 rows"
    assert page.text("#slices-finding").startswith("Not judged: no slice has an interval.")


def test_change_of_sql_or_code_is_marked_on_the_line(open_page):
    rows = history("mae", CHAMPION, "champion", [10.0, 11.0, 12.0])
    rows[-1] |= {"sql_version": "metrics/regression_v2"}
    page = open_page(page_rows(rows))
    assert "SQL of metrics changed" in page.texts("#history-chart text")
