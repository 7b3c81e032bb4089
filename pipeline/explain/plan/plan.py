"""The plan of a range of run dates: states, bytes and costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache, partial
from typing import Any

from pipeline.base.dates import EARLIEST, LATEST, date_range
from pipeline.base.pricing import cost_of
from pipeline.errors import RequestError
from pipeline.evaluation.due_evaluations import due_runs
from pipeline.explain.plan.costs import DRY_RUN, PHASES, Rows, StatementCost, statement_costs
from pipeline.project.project import Job
from pipeline.runs.claims import claims_of
from pipeline.runs.identity import changes, digest_of_run, run_definition, variants_to_train
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.publications import generation_of, publications
from pipeline.runs.session import Session

DONE, TO_RUN, SUPERSEDED = "done", "to run", "superseded"


@dataclass(frozen=True)
class PlannedDate:
    """State of one run date.

    Parameters
    ----------
    state
        `done`: the job's current definition was published last. `superseded`: another definition was published after
        the current one, so that only --rerun runs it. `to run`: anything else.
    evaluates
        Whether it will be evaluated as soon as its labels are known.
    is_published
        Whether predictions of any definition are published.
    why
        What changed since the published run, in words; empty unless it would run again.
    trains
        Variants that would be fitted again; models of others are used again where their training rows are the same.
    """

    run_date: date
    state: str
    evaluates: bool
    is_published: bool
    why: str = ""
    trains: Sequence[str] = ()

    def content(self) -> dict[str, Any]:
        """Return the date as one JSON object, with a reason only where there is one."""
        return {name: value for name, value in asdict(self).items() if self.why or name not in ("why", "trains")}


@dataclass(frozen=True)
class PhasePlan:
    """Cost of one phase.

    Parameters
    ----------
    statements
        Number of statements for a run date, as far as known.
    bytes_per_date, bytes
        Bytes billed for one run date and for all; a lower bound if parts are unknown.
    cost
        Cost of these bytes; None if the target has no price.
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
    """Run dates, and the statements that make up the costs of each phase."""

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
        """Bytes billed for all phases, as far as known."""
        return sum(phase.bytes for phase in self.phases)

    @property
    def is_known(self) -> bool:
        """Tell whether no part that would run is unknown."""
        return all(phase.is_known for phase in self.phases)

    @property
    def cost(self) -> float | None:
        """Cost of these bytes; None if the target has no price."""
        return cost_of(self.bytes, self.price_per_tib)

    @property
    def refused(self) -> list[StatementCost]:
        """Statements that need more bytes than the target allows for one query."""
        limit = self.maximum_bytes_billed
        dry_runs = [row for row in self.statements if row.origin == DRY_RUN and row.bytes is not None]
        return [row for row in dry_runs if limit is not None and (row.bytes or 0) // row.times > limit]

    def check_budget(self, budget: float) -> None:
        """Refuse a plan that costs more than a budget, or might.

        Raises
        ------
        RequestError
            The estimate is above the budget, partly unknown, or without a price.
        """
        dates = f"{self.job} {self.dates[0].run_date} to {self.dates[-1].run_date}"
        if self.cost is None:
            raise no_price(budget)
        if self.cost > budget:
            least = "" if self.is_known else "at least "
            raise RequestError(
                f"{dates}: the estimate, {least}{money(self.cost)}, is above --budget {money(budget)}",
                hint="plan fewer dates, or raise the budget",
            )
        if not self.is_known:
            unknown = ", ".join(phase.phase for phase in self.phases if not phase.is_known)
            raise RequestError(
                f"{dates}: --budget {money(budget)} cannot be checked, the cost of {unknown} is unknown",
                hint="run and evaluate one date first, then plan again",
            )

    def content(self) -> dict[str, Any]:
        """Return the plan as one JSON object."""
        own = {name: getattr(self, name) for name in ("job", "price_per_tib", "maximum_bytes_billed", "reservation")}
        total = {"bytes": self.bytes, "cost": self.cost, "is_known": self.is_known}
        lists = {name: [asdict(part) for part in getattr(self, name)] for name in ("phases", "statements")}
        dates = [day.content() for day in self.dates]
        return {**own, "dates": dates, **lists, "total": total}

    def _phase(self, name: str) -> PhasePlan:
        own = [row for row in self.statements if row.phase == name]
        dates = sum(day.evaluates if name == "evaluate" else day.state == TO_RUN for day in self.dates)
        size = sum(row.bytes or 0 for row in own)
        unknown = [row.origin for row in own if row.bytes is None]
        return PhasePlan(
            phase=name,
            dates=dates,
            statements=sum(row.times for row in own),
            bytes_per_date=size,
            bytes=size * dates,
            is_known=not unknown or not dates,
            cost=cost_of(size * dates, self.price_per_tib),
            origins=list(dict.fromkeys(row.origin for row in own if row.bytes is not None)),
            unknown=list(dict.fromkeys(unknown)),
        )


def planned_dates(session: Session, job: Job, days: Iterable[date], events: Rows) -> list[PlannedDate]:
    """Return the state of each run date.

    Parameters
    ----------
    events
        The ledger's events of these run dates.
    """
    due = {run.run_date for run in due_runs(session, job, events)}
    by_day: dict[date, list[Mapping[str, Any]]] = {}
    for row in events:
        if row["event"] == "published":
            by_day.setdefault(row["run_date"], []).append(row)
    definition, variants = run_definition(job, session.catalogue), job.variant_ids

    current_digest = cache(partial(digest_of_run, definition))

    def state_of(published: Rows) -> str:
        newest = max((generation_of(row) for row in published), default=0)
        own = [row for row in published if str(row["run_id"]).endswith(f"-{current_digest(generation_of(row))}")]
        if not own:
            return TO_RUN
        if max(map(generation_of, own)) < newest:
            return SUPERSEDED
        return DONE if variants <= {row["variant"] for row in own if generation_of(row) == newest} else TO_RUN

    states = {day: state_of(by_day.get(day, [])) for day in days}
    return [PlannedDate(day, state, state == TO_RUN or day in due, day in by_day) for day, state in states.items()]


def with_reasons(session: Session, job: Job, dates: Sequence[PlannedDate], events: Rows) -> list[PlannedDate]:
    """Add to dates that would run again what changed, and what would be fitted again.

    All run dates of a definition have one hash at the end of their run ids, so one claim is read for each.
    """
    again = [day.run_date for day in dates if day.is_published and day.state == TO_RUN]
    run_ids = {day: run_id for day, (run_id, _) in publications(events).items() if day in again}
    definition, known = run_definition(job, session.catalogue), dict[str, tuple[str, list[str]]]()
    for day, run_id in run_ids.items():
        digest = run_id.rpartition("-")[2]
        if digest not in known:
            claim = next((claim for claim in claims_of(session, job, day) if claim.run_id == run_id), None)
            before = claim.defines if claim else None
            words = ", ".join(changes(before, definition)) if before else ""
            why = f"{words} changed" if words else "variants are missing" if before else "the claim is gone"
            trains = variants_to_train(before, definition) if before else [variant.name for variant in job.variants]
            known[digest] = why, trains
    reasons = {day: known[run_id.rpartition("-")[2]] for day, run_id in run_ids.items()}
    return [
        replace(day, why=reasons[day.run_date][0], trains=reasons[day.run_date][1]) if day.run_date in reasons else day
        for day in dates
    ]


def plan_job(session: Session, job: Job, first: date, last: date) -> Plan:
    """Return the plan of the run dates from the first to the last; nothing is written."""
    days = date_range(first, last)
    has_ledger = session.warehouse.tables.exists(session.target.ledger_table("events"))
    events = Ledger(session, job.name).events(EARLIEST, LATEST) if has_ledger else []
    in_range = [row for row in events if first <= row["run_date"] <= last]
    dates = with_reasons(session, job, planned_dates(session, job, days, in_range), in_range)
    due = [day.run_date for day in dates if day.state == TO_RUN or day.evaluates]
    costs = statement_costs(session, job, due[-1], events) if due else []
    target = session.target
    return Plan(job.name, dates, costs, target.price_per_tib, target.maximum_bytes_billed, target.reservation)


def no_price(budget: float) -> RequestError:
    """Return the error for a budget at a target without a price."""
    message = f"--budget {money(budget)}: the target has no price_per_tib, so costs are unknown"
    return RequestError(message, hint="add price_per_tib to the target file")


def money(amount: float) -> str:
    """Return an amount as text: with two decimals, or four if it is less than one."""
    return f"{amount:,.2f}" if amount >= 1 or amount == 0 else f"{amount:.4f}"
