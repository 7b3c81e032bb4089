"""The matrix can fail: it counts lost, duplicate, wrong and torn rows."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.faults.reader import torn
from tests.faults.state import TABLES, doubled, lost, wrong_verdicts


def row(**values):
    return json.dumps(values, sort_keys=True)


def state(**rows):
    names = [*TABLES, "committed files", "claims"]
    return {name: Counter(rows.get(name.replace(" ", "_"), [])) for name in names}


A, B = (row(variant="v", run_id="r", id=name) for name in "ab")
OLD = row(variant="v", run_id="old", id="a")
FULL = state(predictions=[A, B], verdicts=[row(verdict="first")])


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (FULL, (0, 0, 0)),
        (state(predictions=[A], verdicts=[row(verdict="first")]), (1, 0, 0)),
        (state(predictions=[A, B, B], verdicts=[row(verdict="first")]), (0, 1, 0)),
        (state(predictions=[A, B], verdicts=[row(verdict="keep")]), (1, 1, 1)),
        (state(predictions=[A, B], verdicts=[row(verdict="first")], champion_view=[A]), (0, 1, 1)),
        (state(), (3, 0, 1)),
    ],
)
def test_rows_that_differ_are_counted(found, counts):
    assert (lost(FULL, found), doubled(FULL, found), wrong_verdicts(FULL, found)) == counts


@pytest.mark.parametrize(
    ("rows", "is_torn"),
    [
        ([], True),
        ([["v", "old", 1]], False),
        ([["v", "r", 2]], False),
        ([["v", "r", 1]], True),
        ([["v", "old", 1], ["v", "r", 2]], True),
        ([["v", "other", 2]], True),
        ([["v", "r", 2], ["w", "r", 1]], True),
    ],
)
def test_reader_sees_all_old_rows_or_all_new_ones(rows, is_torn):
    seen = {json.dumps(["predictions", rows])}
    assert bool(torn(seen, state(predictions=[OLD]), FULL)) == is_torn
