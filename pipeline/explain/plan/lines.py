"""A plan as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.base.pricing import MEBIBYTE
from pipeline.explain.plan.dates import DONE, SUPERSEDED, TO_RUN
from pipeline.explain.plan.plan import PhasePlan, Plan, money

UNITS = ("MiB", "GiB", "TiB", "PiB")


STEP = 1024


def heading(plan: Plan) -> str:
    """Return which dates would run, and which are done."""
    span = f"{plan.job} {plan.dates[0].run_date} to {plan.dates[-1].run_date}"
    count = {state: len(plan.in_state(state)) for state in (TO_RUN, DONE, SUPERSEDED)}
    waiting = sum(each.evaluates and each.state != TO_RUN for each in plan.dates)
    again = sum(each.is_published and each.state == TO_RUN for each in plan.dates)
    to_run = f"{count[TO_RUN]} dates to run{f' ({again} again, of another definition)' if again else ''}"
    more = [f"{count[SUPERSEDED]} superseded, which only --rerun would run"] if count[SUPERSEDED] else []
    more += [f"{waiting} of those not evaluated yet"] if waiting else []
    return f"{span}: {', '.join([to_run, f'{count[DONE]} done', *more])}"


def costs_table(plan: Plan) -> Table:
    """Return a row for each phase, and the total."""
    table = Table(box=SIMPLE_HEAD, show_footer=True)
    total = "" if plan.cost is None else f"{money(plan.cost)}"
    least = "" if plan.is_known else "at least "
    table.add_column("phase", "total", no_wrap=True)
    for name, footer in (("dates", ""), ("statements", ""), ("bytes a date", ""), ("bytes", least + size(plan.bytes))):
        table.add_column(name, footer, justify="right", no_wrap=True)
    table.add_column("cost", least + total if total else "no price", justify="right", no_wrap=True)
    table.add_column("dry run, or as billed for", overflow="fold")
    for phase in plan.phases:
        table.add_row(*_cells(phase))
    return table


def notes(plan: Plan) -> Iterator[str]:
    """Say what is not known, what would be refused, and at which price."""
    for phase in plan.phases:
        if not phase.is_known:
            yield from (f"not known of {phase.phase}: {why}" for why in phase.unknown)
    for each in plan.refused:
        need = f"{each.name} needs {size((each.bytes or 0) // each.times)}"
        yield f"warning: {need}, the target's maximum_bytes_billed is {size(plan.maximum_bytes_billed or 0)}"
    if plan.price_per_tib is not None:
        yield f"price: {plan.price_per_tib:g} a TiB that is billed"
    if plan.reservation:
        yield f"queries run in {plan.reservation}, which is paid by its slots: money is what the bytes would cost"


def size(count: int) -> str:
    """Write bytes as they are billed: in MiB, or larger units."""
    value, unit = count / MEBIBYTE, 0
    while value >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    return f"{value:,.0f} {UNITS[unit]}" if unit == 0 else f"{value:,.1f} {UNITS[unit]}"


def _cells(phase: PhasePlan) -> tuple[str, ...]:
    least = "" if phase.is_known else "at least "
    if not phase.is_known and not phase.bytes_per_date:
        cells = ("not known", "not known", "not known")
    else:
        cost = "" if phase.cost is None else least + money(phase.cost)
        cells = (least + size(phase.bytes_per_date), least + size(phase.bytes), cost)
    return phase.phase, str(phase.dates), str(phase.statements or "-"), *cells, ", ".join(phase.origins)
