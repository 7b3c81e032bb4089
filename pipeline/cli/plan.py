"""The command plan: what run dates would cost, before they run."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    FirstRunDate,
    JobName,
    LastRunDate,
    LocalDir,
    ProjectDir,
    TargetName,
    look_at_job,
)

if TYPE_CHECKING:
    from pipeline.explain.plan import Plan


PLAIN_WIDTH = 200
"""Characters of a line where no terminal says how wide it is."""


def _check_money(amount: float | None) -> float | None:
    if amount is not None and not (math.isfinite(amount) and amount >= 0):
        raise typer.BadParameter(f"{amount} is no amount of money")
    return amount


Budget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        metavar="MONEY",
        callback=_check_money,
        help="End with exit code 2 where the estimate is above it or not known, in the currency of price_per_tib.",
    ),
]


def plan(
    job: JobName,
    first: FirstRunDate,
    last: LastRunDate,
    budget: Budget = None,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Show which run dates would run, which are done, and what BigQuery would bill for them. Nothing is written.

    What reads sources is estimated by a dry run, everything else by what the last run was billed for.

    Example: pipeline plan flight_delay --from 2013-07-01 --to 2014-06-30 --budget 12.50
    """
    from pipeline.base.dates import date_range, parse_date
    from pipeline.explain.plan import plan_job
    from pipeline.explain.plan.plan import no_price

    days = date_range(parse_date(first, option="--from"), parse_date(last, option="--to"))
    session, found = look_at_job(project_dir, job, target, local_dir)
    if budget is not None and session.target.price_per_tib is None:
        raise no_price(budget)
    made = plan_job(session, found, days[0], days[-1])
    note = _note(is_local=session.target.endpoints is not None)
    if as_json:
        typer.echo(json.dumps({**made.content(), "budget": budget, "note": note}, indent=1, default=str))
    else:
        _print(made, note)
    if budget is not None:
        made.check_budget(budget)


def _print(made: Plan, note: str) -> None:
    from rich.console import Console

    from pipeline.explain.plan.lines import costs_table, heading, notes

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    costs = [costs_table(made), *notes(made), *([note] if note else [])] if made.statements else []
    for part in (heading(made), *costs):
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def _note(*, is_local: bool) -> str:
    """Say what the numbers of a target are, where they are not BigQuery's."""
    from pipeline.emulators.limits import BYTES

    return f"local target: bytes are {BYTES.here}; nothing is billed" if is_local else ""


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(plan)
