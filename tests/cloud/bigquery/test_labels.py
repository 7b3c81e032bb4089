from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.cloud.bigquery.billing_labels import as_labels


@given(st.text())
def test_labels_hold_only_what_bigquery_takes(text):
    assert re.fullmatch(r"[a-z0-9_-]{0,63}", as_labels({"k": text})["k"], re.ASCII)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", max_size=63))
def test_valid_labels_stay_as_they_are(text):
    assert as_labels({"k": text}) == {"k": text}


def test_other_characters_become_underscores():
    assert as_labels({"variant": "Mean@1a2b", "x": "é b", "none": ""}) == {
        "variant": "mean_1a2b",
        "x": "__b",
        "none": "",
    }


def test_long_labels_are_cut():
    assert as_labels({"k": "A" * 100}) == {"k": "a" * 63}
