"""Plans of a job that ran once, on the emulators: dates, origins of numbers, budgets and requests sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from io import StringIO

import pytest
from rich.console import Console

from pipeline.base.pricing import LEAST
from pipeline.errors import RequestError
from pipeline.evaluation.metric_statements import labels_statement
from pipeline.explain.plan.costs import DRY_RUN
from pipeline.explain.plan.lines import costs_table, heading, notes, reasons
from pipeline.explain.plan.plan import plan_job
from pipeline.phases.run import evaluate_matured, run_job
from pipeline.runs.job_statements import QueryScope
from tests.support.integration_fixtures import edited, reader, with_history_days

DAY = date(2013, 7, 4)
YEAR = (date(2013, 7, 1), date(2014, 6, 30))


@pytest.fixture(scope="module")
def fresh(make_session):
    return make_session()


@pytest.fixture(scope="module")
def first(fresh, quick_job):
    """The plan before anything ran."""
    return plan_job(fresh, quick_job, DAY, DAY + timedelta(days=1))


@pytest.fixture(scope="module")
def session(fresh, first, quick_job):
    """A session where one run date ran and was evaluated."""
    run_job(fresh, quick_job, DAY)
    evaluate_matured(fresh, quick_job, DAY + timedelta(days=2))
    return fresh


def phases(plan):
    return {phase.phase: phase for phase in plan.phases}


def test_before_the_first_run_only_reads_of_sources_are_known(first):
    assert [day.state for day in first.dates] == ["to run", "to run"]
    known = {statement.name: statement.origin for statement in first.statements if statement.bytes is not None}
    assert known == {"phases/examples_v1": DRY_RUN, "phases/labels_v1": DRY_RUN}
    assert not any(phase.is_known for phase in first.phases)
    assert {phase.phase: phase.bytes_per_date for phase in first.phases if phase.bytes_per_date == 0}.keys() == {
        "train",
        "load",
    }


def test_budget_is_refused_if_costs_are_unknown(first):
    message = "--budget 1,000.00 cannot be checked, the cost of preprocess, train, load, evaluate is unknown - run and"
    with pytest.raises(RequestError, match=message):
        first.check_budget(1000)
    with pytest.raises(RequestError, match=r"the estimate, at least 0\.0\d+, is above --budget 0\.0000"):
        first.check_budget(0.00001)


def test_plan_of_a_year_sends_as_much_as_two_days(session, quick_job, requests_sent):
    plan_job(session, quick_job, DAY, DAY + timedelta(days=1))
    few = len(requests_sent.sent)
    requests_sent.clear()
    plan = plan_job(session, quick_job, *YEAR)
    assert len(requests_sent.sent) == few < 12
    assert all(sent.reads or sent.body["configuration"].get("dryRun") for sent in requests_sent.sent)
    assert [(day.run_date, day.state) for day in plan.dates if day.state != "to run"] == [(DAY, "done")]
    assert len(plan.dates) == 365


def test_dates_that_would_run_again_say_why_and_what_is_fitted(session, quick_job):
    """A challenger fits nothing else; other examples fit everything."""
    other = replace(quick_job.variants[0], name="other")
    spec = quick_job.spec.model_copy(update={"variants": [*quick_job.spec.variants, "other"]})
    challenged = replace(quick_job, spec=spec, variants=(*quick_job.variants, other))
    plan = plan_job(session, challenged, DAY, DAY + timedelta(days=1))
    again = f"runs again (1): variant {other.id} changed; trains other, and variants whose training rows have changed"
    assert list(reasons(plan)) == [again]
    again, fresh = plan.content()["dates"]
    assert (again["why"], again["trains"]) == (f"variant {other.id} changed", ["other"])
    assert set(again) - set(fresh) == {"why", "trains"}
    plan = plan_job(session, with_history_days(quick_job, 20), DAY, DAY)
    assert plan.dates[0].why == "examples changed"
    assert plan.dates[0].trains == [variant.name for variant in quick_job.variants]


def test_reads_of_run_tables_cost_what_the_last_run_was_billed(session, quick_job):
    plan = plan_job(session, quick_job, *YEAR)
    run_id = next(statement.origin for statement in plan.statements if statement.phase == "load")
    assert run_id.startswith(f"flight_delay-{DAY}-")
    origins = {statement.name: statement.origin for statement in plan.statements if statement.phase == "preprocess"}
    assert origins.pop("phases/examples_v1") == DRY_RUN
    assert set(origins.values()) == {run_id}
    rows = reader(session)(f"SELECT * FROM {session.target.dashboard_table('dashboard_runs').quoted}")
    billed = sum(row["bytes"] for row in rows if row["phase"] == "load" and row["bytes"] is not None)
    assert phases(plan)["load"].bytes_per_date == billed
    assert {statement.origin for statement in plan.statements if statement.phase == "evaluate"} == {
        DRY_RUN,
        f"flight_delay-{DAY}",
    }


def test_bytes_and_cost_are_those_of_one_date_times_dates(session, quick_job):
    plan = plan_job(session, quick_job, *YEAR)
    assert plan.is_known
    for phase in plan.phases:
        assert (phase.dates, phase.bytes) == (364, 364 * phase.bytes_per_date)
        assert (
            phase.bytes_per_date
            == sum(statement.bytes for statement in plan.statements if statement.phase == phase.phase)
            > 0
        )
    assert plan.cost == pytest.approx(sum(phase.bytes for phase in plan.phases) / 2**40 * 6.25)
    plan.check_budget(plan.cost)
    with pytest.raises(
        RequestError, match=r"flight_delay 2013-07-01 to 2014-06-30: the estimate, .*, is above"
    ) as caught:
        plan.check_budget(plan.cost * 0.9)
    assert caught.value.exit_code == 2


def test_finished_dates_cost_nothing_and_need_no_dry_run(session, quick_job):
    plan = plan_job(session, quick_job, DAY, DAY)
    assert (plan.statements, plan.bytes, plan.cost, plan.is_known) == ([], 0, 0.0, True)
    plan.check_budget(0.0)


def test_changed_definition_runs_again(session, quick_job):
    again = plan_job(session, with_history_days(quick_job, 5), DAY, DAY + timedelta(days=1))
    assert heading(again) == (
        "flight_delay 2013-07-04 to 2013-07-05: 2 dates to run (1 of them again, with another definition), 0 done"
    )
    other_gate = edited(quick_job, headline=["log_loss"])
    assert [day.state for day in plan_job(session, other_gate, DAY, DAY).dates] == ["done"]


def test_target_without_a_price_has_bytes_and_no_cost(session, quick_job, connect):
    session = connect(session.target.model_copy(update={"price_per_tib": None}))
    plan = plan_job(session, quick_job, *YEAR)
    assert plan.bytes > 0
    assert {phase.cost for phase in plan.phases} == {None}
    with pytest.raises(RequestError, match=r"the target has no price_per_tib.* - add price_per_tib to the target file"):
        plan.check_budget(5)


def test_statement_above_the_limit_is_named_with_its_bytes(session, quick_job):
    plan = replace(plan_job(session, quick_job, *YEAR), maximum_bytes_billed=LEAST)
    assert [statement.name for statement in plan.refused] == ["phases/examples_v1"]
    assert any(line.startswith("warning: phases/examples_v1 needs ") for line in notes(plan))
    assert replace(plan, maximum_bytes_billed=2**40).refused == []


def test_dry_run_ignores_maximum_bytes_billed(session, quick_job, connect):
    limited = connect(session.target.model_copy(update={"maximum_bytes_billed": 1}))
    with pytest.raises(RequestError, match=r"ledger/.*: would be billed for 10,485,760 bytes; the limit is 1 - raise"):
        plan_job(limited, quick_job, *YEAR)
    day = quick_job.as_of(DAY)
    scope = QueryScope(DAY, DAY, DAY, day)
    statement = labels_statement(limited, quick_job, limited.target.run_table("x"), scope)
    assert limited.warehouse.dry_run(statement) == LEAST


def test_plan_is_printed_as_a_table_with_notes(session, quick_job):
    plan = plan_job(session, quick_job, *YEAR)
    assert heading(plan) == "flight_delay 2013-07-01 to 2014-06-30: 364 dates to run, 1 done"
    console = Console(width=200, file=StringIO())
    console.print(costs_table(plan))
    rows = [line.split() for line in console.file.getvalue().splitlines() if line.split()]
    assert [row[0] for row in rows if row[0] in (*phases(plan), "total")] == [*phases(plan), "total"]
    assert list(notes(plan)) == ["price: 6.25 per TiB billed"]
    of_slots = replace(plan, reservation="projects/p/locations/US/reservations/night")
    assert list(notes(of_slots))[-1].startswith(
        "queries run in projects/p/locations/US/reservations/night, which is paid by slots"
    )
