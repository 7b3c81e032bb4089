"""Tables of a report."""

from __future__ import annotations

import io
from datetime import date

import pytest
from rich.console import Console

from pipeline.explain.report import POOLED, metric_table
from pipeline.project.project import Project
from tests.support.dummy_project import dummy_project

DAYS = [date(2013, 7, 1), date(2013, 7, 2)]


@pytest.fixture
def job(tmp_path):
    with dummy_project(tmp_path) as root:
        yield Project.open(root).job("dummy")


def row(job, day, variant, value, n=1000):
    return {"run_date": day, "variant": job.variants[variant].id, "metric": "auc", "n": n, "value": value}


def lines_of(job, rows) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=100)
    console.print(metric_table(job, rows, "auc"))
    lines = [line.split("  ") for line in console.file.getvalue().splitlines() if line.strip(" ─╶╴")]
    return [[word.strip() for word in line if word.strip()] for line in lines]


def test_pooled_days_lead_each_run_date_is_a_row_and_means_are_below(job):
    rows = [row(job, DAYS[1], 0, 0.8), row(job, DAYS[0], 0, 0.7), row(job, DAYS[0], 1, 0.5), row(job, POOLED, 0, 0.9)]
    assert lines_of(job, rows) == [
        ["dummy: auc by run date"],
        ["variant", "baseline"],
        ["run date", "labels", "mean", "double"],
        ["all pooled", "1,000", "0.9000", "-"],
        ["2013-07-01", "1,000", "0.7000", "0.5000"],
        ["2013-07-02", "1,000", "0.8000", "-"],
        ["mean of days", "0.7500", "0.5000 (1 of 2 days)"],
    ]


def test_numbers_of_variants_with_other_days_say_over_how_many(job):
    rows = [row(job, day, 0, value) for day, value in zip(DAYS, (0.7, 0.8), strict=True)]
    rows += [row(job, DAYS[1], 1, 0.9), row(job, POOLED, 0, 0.75), row(job, POOLED, 1, 0.9)]
    lines = lines_of(job, rows)
    assert ["all pooled", "1,000", "0.7500", "0.9000 (1 of 2 days)"] in lines
    assert ["mean of days", "0.7500", "0.9000 (1 of 2 days)"] in lines


def test_lists_of_users_are_counted_as_users(job):
    table = metric_table(job, [row(job, DAYS[0], 0, 0.7, n=24)], "auc", "user")
    assert [column.header for column in table.columns][1] == "users"


def test_mean_leaves_out_null_metrics(job):
    rows = [row(job, DAYS[0], 0, None, n=5), row(job, DAYS[1], 0, 0.6), row(job, POOLED, 0, 0.6)]
    lines = lines_of(job, rows)
    assert ["2013-07-01", "5", "-"] in lines
    assert ["mean of days", "0.6000 (1 of 2 days)"] in lines
    assert ["all pooled", "1,000", "0.6000 (1 of 2 days)"] in lines


def test_variants_without_metrics_have_no_column(job):
    assert ["run date", "labels", "double"] in lines_of(job, [row(job, DAYS[0], 1, 0.5), row(job, POOLED, 1, 0.5)])
