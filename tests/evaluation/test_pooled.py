"""What a family's header says of pooling is true: the parts of a set make the metrics of the whole."""

from __future__ import annotations

import pytest

from tests.evaluation import test_binary_classification, test_multiclass, test_ranking, test_regression
from tests.sql.emulator import make_functions

FAMILIES = {
    "regression": (test_regression, lambda family: [family.drawn(400, 3, scale=9.0, offset=200.0)]),
    "binary_classification": (test_binary_classification, lambda family: [family.drawn(400, 3)]),
    "multiclass": (test_multiclass, lambda family: [family.drawn(400, 3)]),
    "ranking": (test_ranking, lambda family: family.drawn(80, 3)),
}


@pytest.fixture(scope="module")
def session(make_empty_session):
    made = make_empty_session()
    make_functions(made)
    return made


@pytest.mark.parametrize("name", FAMILIES)
def test_pooled_parts_are_the_metric_of_the_whole(session, name):
    family, make = FAMILIES[name]
    rows = family.judged(session, *make(family))
    (cut,) = family.SPEC.slices
    pooled = family.SPEC.pooled(session.catalogue.get(family.SPEC.asset))
    checked = 0
    for row in rows:
        parts = [part for part in rows if (part["slice_name"], part["metric"]) == (cut, row["metric"])]
        if row["slice_name"] or row["metric"] not in pooled or not parts:
            continue
        power = {"mean": 1, "root_mean_square": 2}[pooled[row["metric"]]]
        total = sum(part["n"] for part in parts)
        assert len(parts) > 1
        assert total == row["n"]
        mean = sum(part["n"] * part["value"] ** power for part in parts) / total
        assert mean ** (1 / power) == pytest.approx(row["value"], rel=1e-9), row["metric"]
        checked += 1
    assert checked >= 3
