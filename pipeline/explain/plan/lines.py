"""A plan as text: heading, table of costs, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.base.pricing import MEBIBYTE
from pipeline.explain.plan.plan import DONE, SUPERSEDED, TO_RUN, PhasePlan, Plan, money

UNITS = ("MiB", "GiB", "TiB", "PiB")

STEP = 1024
"""Factor between units."""


def heading(plan: Plan) -> str:
    """Return how many dates would run, are done, are superseded, or still have to be evaluated."""
    count = Counter(day.state for day in plan.dates)
    again = sum(day.is_published and day.state == TO_RUN for day in plan.dates)
    due = sum(day.evaluates and day.state != TO_RUN for day in plan.dates)
    parts = [
        f"{count[TO_RUN]} dates to run" + (f" ({again} of them again, with another definition)" if again else ""),
        f"{count[DONE]} done",
    ]
    if count[SUPERSEDED]:
        parts.append(f"{count[SUPERSEDED]} superseded (only --rerun would run them)")
    if due:
        parts.append(f"{due} of the others not evaluated yet")
    return f"{plan.job} {plan.dates[0].run_date} to {plan.dates[-1].run_date}: {', '.join(parts)}"


def reasons(plan: Plan) -> Iterator[str]:
    """Return a line for each reason why published dates would run again, with what would be fitted again."""
    dates = Counter((day.why, tuple(day.trains)) for day in plan.dates if day.why)
    for (why, trains), count in dates.items():
        trained = f"trains {', '.join(trains)}" if trains else "trains nothing"
        yield f"runs again ({count}): {why}; {trained}, and variants whose training rows have changed"


def costs_table(plan: Plan) -> Table:
    """Return a table with a row for each phase, and the total below."""
    table = Table(box=SIMPLE_HEAD, show_footer=True)
    least = "" if plan.is_known else "at least "
    cost = "no price" if plan.cost is None else least + money(plan.cost)
    table.add_column("phase", "total", no_wrap=True)
    for name, footer in (
        *(("dates", ""), ("statements", ""), ("bytes per date", "")),
        *(("bytes", least + size(plan.bytes)), ("cost", cost)),
    ):
        table.add_column(name, footer, justify="right", no_wrap=True)
    table.add_column("dry run, or run that was billed", overflow="fold")
    for phase in plan.phases:
        table.add_row(*_cells(phase))
    return table


def notes(plan: Plan) -> Iterator[str]:
    """Return lines about unknown costs, statements above the target's limit, and the price."""
    for phase in plan.phases:
        if not phase.is_known:
            yield from (f"cost of {phase.phase} unknown: {reason}" for reason in phase.unknown)
    for statement in plan.refused:
        need, limit = (statement.bytes or 0) // statement.times, plan.maximum_bytes_billed or 0
        yield f"warning: {statement.name} needs {size(need)}, above the target's maximum_bytes_billed of {size(limit)}"
    if plan.price_per_tib is not None:
        yield f"price: {plan.price_per_tib:g} per TiB billed"
    if plan.reservation:
        yield f"queries run in {plan.reservation}, which is paid by slots: cost is what the bytes would cost on demand"


def size(count: int) -> str:
    """Return a number of bytes as text, in MiB or larger units."""
    value, unit = count / MEBIBYTE, 0
    while value >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    return f"{value:,.{1 if unit else 0}f} {UNITS[unit]}"


def _cells(phase: PhasePlan) -> tuple[str, ...]:
    least = "" if phase.is_known else "at least "
    if not phase.is_known and not phase.bytes_per_date:
        amounts = ("unknown", "unknown", "unknown")
    else:
        cost = "" if phase.cost is None else least + money(phase.cost)
        amounts = (least + size(phase.bytes_per_date), least + size(phase.bytes), cost)
    return phase.phase, str(phase.dates), str(phase.statements or "-"), *amounts, ", ".join(phase.origins)
