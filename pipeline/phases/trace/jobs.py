"""A job as a trace sees it: its ledger, its claims and its runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pipeline.claims import Claim, claimed_dates, claims_of
from pipeline.lineage.history import History
from pipeline.phases.trace.runs import TracedRun
from pipeline.project import Job
from pipeline.runs import run_of, run_without_claim
from pipeline.session import Session


@dataclass(frozen=True)
class JobTrace:
    """A job, its ledger and its claims."""

    session: Session
    job: Job
    history: History

    @cached_property
    def claimed_dates(self) -> list[date]:
        """Run dates of which attempts left something."""
        return claimed_dates(self.session, self.job)

    def claims(self, run_date: date) -> list[Claim]:
        """Return the claims of a run date."""
        return claims_of(self.session, self.job, run_date) if run_date in self.claimed_dates else []

    def runs(self, run_date: date, *, deep: bool = True) -> Iterator[TracedRun]:
        """Return the runs of a run date: those that were claimed, and those that the ledger alone still names."""
        claims = self.claims(run_date)
        for number, claim in enumerate(claims):
            run = run_of(self.session, self.job, run_date, claim)
            yield TracedRun(run, claim, claims[number + 1 :], self.history, deep)
        claimed = {claim.run_id for claim in claims}
        own = [row for row in self.history.events if row["run_date"] == run_date and row["phase"] != "evaluate"]
        for run_id in dict.fromkeys(row["run_id"] for row in own if row["run_id"] not in claimed):
            generations = (row["details"].get("generation", 0) for row in self.history.of_run(run_id, "published"))
            run = run_without_claim(self.session, self.job, run_date, run_id, next(generations, 0))
            yield TracedRun(run, None, claims, self.history, deep)

    def run(self, run_date: date, run_id: str) -> TracedRun | None:
        """Return one run, or None."""
        return next((traced for traced in self.runs(run_date) if traced.run.run_id == run_id), None)
