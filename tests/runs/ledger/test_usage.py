from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pipeline.base.pricing import TEBIBYTE
from pipeline.cloud.bigquery.jobs import Spending, Spent
from pipeline.runs.ledger import usage
from pipeline.runs.ledger.usage import Meter, read_clock


def session(price=None):
    spending = Spending(jobs=["before"], open=[Spent("ledger/start_v1", 1000, 5)])
    return SimpleNamespace(warehouse=SimpleNamespace(spending=spending), target=SimpleNamespace(price_per_tib=price))


def test_a_meter_counts_its_jobs_and_all_unreported_bytes():
    found = session()
    meter = Meter(found)
    found.warehouse.spending.open += [Spent("phases/a_v1", 200, 1), Spent("phases/a_v1", 34, 2)]
    found.warehouse.spending.jobs.append("mine")
    statements = {"ledger/start_v1": [1, 1000], "phases/a_v1": [2, 234]}
    assert meter.details() == {"bytes": 1234, "slot_ms": 8, "cost": None, "jobs": ["mine"], "statements": statements}
    assert meter.seconds >= 0


def test_each_byte_is_reported_once():
    found = session()
    meter = Meter(found)
    assert [meter.details()["bytes"], meter.details()["bytes"], Meter(found).details()["bytes"]] == [1000, 0, 0]


@pytest.mark.parametrize(("price", "cost"), [(6.25, 3.125), (0.0, 0.0)])
def test_the_cost_follows_the_price_of_the_target(price, cost):
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
