from __future__ import annotations

import pandas as pd
import pytest

from pipeline.errors import CheckError
from pipeline.prediction_checks import check_predictions
from tests.integration_fixtures import edited

ASKED = pd.DataFrame({"carrier": ["a", "b"], "other": [1, 2]})
BOTH = ["a", "b"]


def answered(carriers, **columns):
    return pd.DataFrame({"carrier": carriers, "score": 0.5, **columns})


@pytest.fixture(scope="module")
def by_carrier(job):
    return edited(job, entity=["carrier"], prediction_key=["carrier"])


def test_one_prediction_for_each_entity_is_fine_in_any_order_and_with_more_columns(by_carrier):
    check_predictions(by_carrier, "m", ASKED, answered(["b", "a"], more=[1, 2]))


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (answered(BOTH).drop(columns="score"), "m: predictions lack score"),
        (answered([*BOTH, "a"]), "m: predicts 1 keys twice"),
        (answered(["a"]), "of 2 entities 1 have no prediction, 0 were not asked for"),
        (answered([*BOTH, "c"]), "of 2 entities 0 have no prediction, 1 were not asked for"),
        (answered(["a", None]), "of 2 entities 1 have no prediction, 1 were not asked for"),
        (answered([]), "of 2 entities 2 have no prediction, 0 were not asked for"),
    ],
    ids=["column", "twice", "missing", "stranger", "null", "nothing"],
)
def test_what_no_schema_can_tell_is_refused(by_carrier, predictions, said):
    with pytest.raises(CheckError, match=said):
        check_predictions(by_carrier, "m", ASKED, predictions)
