"""The plan of a range of run dates: dates, bytes and money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pipeline.base.dates import EARLIEST, LATEST, date_range
from pipeline.base.pricing import cost_of
from pipeline.errors import RequestError
from pipeline.explain.plan.costs import DRY_RUN, PHASES, StatementCost, statement_costs
from pipeline.explain.plan.dates import TO_RUN, PlannedDate, planned_dates
from pipeline.project.project import Job
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.session import Session


@dataclass(frozen=True)
class PhasePlan:
    """What a phase costs.

    Parameters
    ----------
    dates
        Run dates that it is carried out for.
    statements
        How many statements it sends for a run date, as far as that is known.
    bytes_per_date, bytes
        Bytes billed for a run date, and for all: of what is known, the least that it can be.
    is_known
        Whether every part is known.
    cost
        Of these bytes; None where the target has no price.
    origins
        Where the bytes come from.
    unknown
        Why parts are not known.
    """

    phase: str
    dates: int
    statements: int
    bytes_per_date: int
    bytes: int
    is_known: bool
    cost: float | None
    origins: list[str]
    unknown: list[str]


@dataclass(frozen=True)
class Plan:
    """Run dates, what each phase costs, and the statements that this is made of."""

    job: str
    dates: Sequence[PlannedDate]
    statements: Sequence[StatementCost]
    price_per_tib: float | None
    maximum_bytes_billed: int | None
    reservation: str | None = None

    @property
    def phases(self) -> list[PhasePlan]:
        """The phases in their order."""
        return [self._phase(name) for name in PHASES]

    @property
    def bytes(self) -> int:
        """Bytes of all phases, as far as they are known."""
        return sum(phase.bytes for phase in self.phases)

    @property
    def is_known(self) -> bool:
        """Tell whether every part that would run is known."""
        return all(phase.is_known for phase in self.phases)

    @property
    def cost(self) -> float | None:
        """Cost of these bytes; None where the target has no price."""
        return cost_of(self.bytes, self.price_per_tib)

    @property
    def refused(self) -> list[StatementCost]:
        """Statements that need more bytes than the target allows a query."""
        limit = self.maximum_bytes_billed
        asked = (each for each in self.statements if each.origin == DRY_RUN and each.bytes is not None)
        return [each for each in asked if limit is not None and (each.bytes or 0) // each.times > limit]

    def in_state(self, state: str) -> list[date]:
        """Return the run dates that are in a state."""
        return [each.run_date for each in self.dates if each.state == state]

    def check_budget(self, budget: float) -> None:
        """Refuse what costs more than a budget, or may.

        Raises
        ------
        RequestError
            The estimate is above it, is not known, or has no price.
        """
        what = f"{self.job} {self.dates[0].run_date} to {self.dates[-1].run_date}"
        if self.cost is None:
            raise no_price(budget)
        if self.cost > budget:
            least = "" if self.is_known else "at least "
            raise RequestError(
                f"{what}: the estimate, {least}{money(self.cost)}, is above --budget {money(budget)}",
                hint="plan fewer dates, or raise the budget",
            )
        if not self.is_known:
            unknown = ", ".join(phase.phase for phase in self.phases if not phase.is_known)
            raise RequestError(
                f"{what}: --budget {money(budget)} cannot be promised, the cost of {unknown} is not known",
                hint="run one date and evaluate it first, and plan again",
            )

    def content(self) -> dict[str, Any]:
        """Return the plan as JSON holds it."""
        own = {name: getattr(self, name) for name in ("job", "price_per_tib", "maximum_bytes_billed", "reservation")}
        total = {"bytes": self.bytes, "cost": self.cost, "is_known": self.is_known}
        lists = {name: [asdict(each) for each in getattr(self, name)] for name in ("dates", "phases", "statements")}
        return {**own, **lists, "total": total}

    def _phase(self, name: str) -> PhasePlan:
        own = [each for each in self.statements if each.phase == name]
        dates = sum(each.evaluates if name == "evaluate" else each.state == TO_RUN for each in self.dates)
        size = sum(each.bytes or 0 for each in own)
        unknown = [each.origin for each in own if each.bytes is None]
        return PhasePlan(
            phase=name,
            dates=dates,
            statements=sum(each.times for each in own),
            bytes_per_date=size,
            bytes=size * dates,
            is_known=not unknown or not dates,
            cost=cost_of(size * dates, self.price_per_tib),
            origins=_unique(each.origin for each in own if each.bytes is not None),
            unknown=_unique(unknown),
        )


def plan_job(session: Session, job: Job, first: date, last: date) -> Plan:
    """Plan the run dates from the first to the last; nothing is written or made."""
    days = date_range(first, last)
    there = session.warehouse.tables.exists(session.target.ledger_table("events"))
    events = Ledger(session, job.name).events(EARLIEST, LATEST) if there else []
    in_range = [row for row in events if first <= row["run_date"] <= last]
    dates = planned_dates(session, job, days, in_range)
    due = [each.run_date for each in dates if each.state == TO_RUN or each.evaluates]
    costs = statement_costs(session, job, due[-1], events) if due else []
    target = session.target
    return Plan(job.name, dates, costs, target.price_per_tib, target.maximum_bytes_billed, target.reservation)


def no_price(budget: float) -> RequestError:
    """Return the error of a budget at a target that says nothing of prices."""
    what = f"--budget {money(budget)}: the target has no price_per_tib, so nothing is known of money"
    return RequestError(what, hint="add price_per_tib to the target file")


def money(amount: float) -> str:
    """Write an amount: two decimals, four of less than one."""
    return f"{amount:,.2f}" if amount >= 1 or amount == 0 else f"{amount:.4f}"


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
