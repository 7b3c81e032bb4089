from __future__ import annotations

import pytest

from pipeline.cli.evaluate import _name_of


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("mine.jsonl", "mine"),
        ("some/where/Über 2.csv", "_ber_2"),
        ("gs://bucket/folder/scores.v2.jsonl", "scores"),
        ("bq://my-project.dataset.scores", "scores"),
        (".csv", "predictions"),
    ],
)
def test_predictions_are_named_after_their_place(place, name):
    assert _name_of(place) == name
