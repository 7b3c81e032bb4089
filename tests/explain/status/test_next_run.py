from __future__ import annotations

from datetime import date

import pytest

from pipeline.explain.status.run_facts import PhaseState
from pipeline.explain.status.status import claims_anew, goes_on

PHASES = ("preprocess", "train", "predict", "load")
DAYS = [date(2013, 7, 1), date(2013, 7, 2)]


@pytest.mark.parametrize(
    ("states", "missing", "waiting", "said"),
    [
        ("done done done done", 0, [], "nothing: all done"),
        ("", 0, [], "nothing: all done"),
        ("done done done done", 0, DAYS, "evaluate 2013-07-01, 2013-07-02 where labels are known"),
        ("done part missing missing", 1, [], "train j's 1 missing variant, then predict, then load"),
        ("part missing missing missing", 2, DAYS[:1], "preprocess, then train j's 2 missing variants, then predict,"),
        ("done done part missing", 0, [], "predict, then load"),
        ("done done done part", 0, [], "load"),
    ],
)
def test_what_is_not_done_is_named_in_order(states, missing, waiting, said):
    phases = [PhaseState(phase, state, "") for phase, state in zip(PHASES, states.split(), strict=False)]
    assert goes_on("j", phases, missing, waiting).startswith(said)


def test_a_new_generation_does_everything():
    assert claims_anew(1, "", []) == "claims generation 1, then preprocess, train, predict, load"
    assert claims_anew(3, "shards changed", DAYS[:1]) == (
        "claims generation 3 because shards changed, then preprocess, train, predict, load,"
        " then evaluate 2013-07-01 where labels are known"
    )
