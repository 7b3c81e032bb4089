from __future__ import annotations

from concurrent.futures import Future
from datetime import date
from threading import Timer

import pytest

from pipeline.errors import RequestError
from pipeline.phases.backfill.dates import work_on_dates
from pipeline.phases.summary import Summary

DAYS = [date(2013, 7, day) for day in range(1, 7)]


class Workers:
    """Dates end after the seconds in `ends`; the dates that ran when each began are kept in `others`."""

    def __init__(self, ends: dict[int, float] | None = None, *, failing: tuple[int, ...] = ()) -> None:
        self.ends, self.failing = ends or {}, failing
        self.running: set[date] = set()
        self.others: dict[date, set[date]] = {}

    def start(self, day):
        future = Future()
        self.others[day] = set(self.running)
        self.running.add(day)
        Timer(self.ends.get(day.day, 0.01), self.end, (day, future)).start()
        return future

    def end(self, day, future):
        self.running.discard(day)
        future.set_result(Summary("j", day, None))

    def outcome(self, day, future):
        return RequestError("failed") if day.day in self.failing else future.result()


def work(workers, *, most=2, max_failures=1, alone=()):
    options = {"most": most, "max_failures": max_failures, "goes_alone": lambda day: day.day in alone}
    return work_on_dates(DAYS, workers.start, workers.outcome, **options)


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_dates_begin_in_order_up_to_the_allowed_number(most):
    workers = Workers(dict.fromkeys(range(1, most + 1), 0.3))  # so many begin before any of them ends
    assert set(work(workers, most=most)) == set(DAYS)
    assert list(workers.others) == DAYS
    assert max(map(len, workers.others.values())) == min(most, len(DAYS)) - 1


@pytest.mark.parametrize(("max_failures", "began"), [(1, DAYS[:3]), (2, DAYS)])
def test_after_max_failures_no_other_date_begins(max_failures, began):
    workers = Workers({1: 0.01, 2: 0.15, 3: 0.4}, failing=(2,))
    found = work(workers, most=2, max_failures=max_failures)
    assert list(workers.others) == began
    assert set(found) == set(began)


@pytest.mark.parametrize("alone", [(1,), (3,), (6,), (2, 3), tuple(range(1, 7))])
def test_a_date_that_goes_alone_runs_alone(alone):
    workers = Workers({1: 0.03, 2: 0.02, 5: 0.03})
    assert set(work(workers, most=3, alone=alone)) == set(DAYS)
    for day, others in workers.others.items():
        assert not (day.day in alone and others)
        assert not {other.day for other in others} & set(alone)


def test_each_date_is_asked_whether_it_goes_alone():
    named = []
    workers = Workers({1: 0.02})

    def outcome(day, future):
        named.append(day)
        return future.result()

    options = {"most": 3, "max_failures": 1, "goes_alone": lambda _: not named}
    assert set(work_on_dates(DAYS, workers.start, outcome, **options)) == set(DAYS)
    assert workers.others[DAYS[1]] == set()
    assert workers.others[DAYS[2]] == {DAYS[1]}
