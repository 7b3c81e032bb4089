from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from pipeline.base.pricing import TEBIBYTE
from pipeline.cloud.bigquery.jobs import Spending, Spent
from pipeline.runs.ledger.usage import Meter


def session(price=None):
    spending = Spending(jobs=["before"], open=[Spent("ledger/start_v1", 1000, 5)])
    return SimpleNamespace(warehouse=SimpleNamespace(spending=spending), target=SimpleNamespace(price_per_tib=price))


def test_jobs_are_those_since_it_was_made_and_bytes_those_that_no_event_has_told():
    found = session()
    meter = Meter(found)
    found.warehouse.spending.open += [Spent("phases/a_v1", 200, 1), Spent("phases/a_v1", 34, 2)]
    found.warehouse.spending.jobs.append("mine")
    statements = {"ledger/start_v1": [1, 1000], "phases/a_v1": [2, 234]}
    assert meter.details() == {"bytes": 1234, "slot_ms": 8, "cost": None, "jobs": ["mine"], "statements": statements}
    assert meter.seconds >= 0


def test_each_byte_is_told_once():
    found = session()
    meter = Meter(found)
    assert [meter.details()["bytes"], meter.details()["bytes"], Meter(found).details()["bytes"]] == [1000, 0, 0]


@pytest.mark.parametrize(("price", "cost"), [(6.25, 3.125), (0.0, 0.0)])
def test_the_cost_is_that_of_the_targets_price(price, cost):
    found = session(price)
    found.warehouse.spending.open[:] = [Spent("phases/a_v1", TEBIBYTE // 2, 0)]
    assert Meter(found).details()["cost"] == cost


def test_run_dates_in_threads_do_not_pay_for_each_other():
    spending = Spending()

    def spend(size):
        spending.open.append(Spent("phases/a_v1", size, 0))
        return spending.take()

    with ThreadPoolExecutor(1) as thread:
        spending.open.append(Spent("phases/b_v1", 1, 0))
        assert thread.submit(spend, 2).result() == [Spent("phases/a_v1", 2, 0)]
    assert spending.take() == [Spent("phases/b_v1", 1, 0)]
