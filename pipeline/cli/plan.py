"""The command that estimates what run dates would cost: plan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.dates import date_range
from pipeline.cli import options

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipeline.explain.plan.plan import Plan


def _check_money(amount: float | None) -> float | None:
    if amount is not None and not (math.isfinite(amount) and amount >= 0):
        raise typer.BadParameter(f"{amount} is not an amount of money")
    return amount


Budget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        metavar="MONEY",
        callback=_check_money,
        help="Exit with code 2 if the estimate is above this amount or unknown; in the currency of price_per_tib.",
    ),
]


def plan(
    job: options.JobName,
    first: options.FirstRunDate,
    last: options.LastRunDate,
    budget: Budget = None,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Estimate what BigQuery would bill for run dates.

    It also shows which of them would run. Statements that read sources are estimated by a dry run, all others by what
    the last run was billed. Nothing is written.

    Example: pipeline plan flight_delay --from 2013-07-01 --to 2014-06-30 --budget 12.50
    """
    from pipeline.explain.plan.plan import no_price, plan_job

    date_range(first, last)
    session, opened = where.look_at_job(job)
    if budget is not None and session.target.price_per_tib is None:
        raise no_price(budget)
    with session.reporter.working(f"{job} plan"):
        estimate = plan_job(session, opened, first, last)
    note = _note(is_local=session.target.endpoints is not None)
    if as_json:
        options.print_json({**estimate.content(), "budget": budget, "note": note})
    else:
        _print(estimate, note)
    if budget is not None:
        estimate.check_budget(budget)


def _print(estimate: Plan, note: str) -> None:
    from pipeline.explain.plan.lines import costs_table, heading, notes, reasons

    parts: list[RenderableType] = [heading(estimate), *reasons(estimate)]
    if estimate.statements:
        parts += [costs_table(estimate), *notes(estimate), *filter(None, [note])]
    options.print_tables(parts)


def _note(*, is_local: bool) -> str:
    """Return how the numbers of the local target differ from BigQuery's; an empty text for another target."""
    from pipeline.emulators.limits import BYTES

    return f"local target: bytes are {BYTES.here}; nothing is billed" if is_local else ""
