from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pipeline.runs.ledger import usage
from pipeline.runs.ledger.usage import read_clock


def test_the_emulator_has_the_clock_of_this_machine(make_empty_session):
    found = read_clock(make_empty_session())
    assert abs(datetime.now(UTC) - found.moment) < timedelta(seconds=30)
    assert abs(found.ahead) < 1


@pytest.mark.parametrize(("seconds", "ahead"), [(-90, 90), (90, -90), (0, 0)])
def test_a_difference_is_measured_with_its_sign(monkeypatch, seconds, ahead):
    monkeypatch.setattr(usage, "clock_statement", lambda _, here: here)

    def rows(here):
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        return [{"moment": moment, "is_ahead": here > moment}]

    found = read_clock(SimpleNamespace(warehouse=SimpleNamespace(rows=rows)))
    assert found.ahead == pytest.approx(ahead, abs=5)
    assert (seconds == 0) == (found.ahead == 0)
