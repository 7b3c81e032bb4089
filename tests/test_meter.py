from types import SimpleNamespace

import pytest

from pipeline.meter import TEBIBYTE, Meter


def session(price):
    return SimpleNamespace(
        warehouse=SimpleNamespace(bytes=1000, jobs=["before"]), target=SimpleNamespace(price_per_tib=price)
    )


def test_bytes_are_those_since_it_was_made():
    found = session(None)
    meter = Meter(found)
    found.warehouse.bytes += 234
    found.warehouse.jobs.append("mine")
    assert meter.details == {"bytes": 234, "cost": None, "jobs": ["mine"]}
    assert meter.seconds >= 0


@pytest.mark.parametrize(("price", "cost"), [(6.25, 3.125), (0.0, 0.0)])
def test_the_cost_is_that_of_the_targets_price(price, cost):
    found = session(price)
    meter = Meter(found)
    found.warehouse.bytes += TEBIBYTE // 2
    assert meter.details["cost"] == cost
