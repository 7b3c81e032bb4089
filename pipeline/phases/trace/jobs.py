"""A job as a trace sees it: its ledger, its claims and its runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from pipeline.claims import Claim, claim_addresses, claims_at, claims_of
from pipeline.dates import EARLIEST, LATEST
from pipeline.lineage.history import History
from pipeline.phases.trace.runs import TracedRun
from pipeline.project import Job
from pipeline.runs import run_of, run_without_claim
from pipeline.session import Session

FEW = 3
"""Run dates that are read one by one; of more, all between the first and the last are read at once."""


@dataclass(frozen=True)
class JobTrace:
    """A job, its ledger and its claims, read for the run dates that are asked for."""

    session: Session
    job: Job
    _histories: list[History] = field(default_factory=list)
    _claims: dict[date, list[Claim]] = field(default_factory=dict)

    def history(self, first: date, last: date) -> History:
        """Return what the ledger says of run dates: one that was read before, where it has them all."""
        for known in self._histories:
            if known.first <= first and last <= known.last:
                return known
        self._histories.append(History(self.session, self.job, first, last))
        return self._histories[-1]

    def read(self, run_dates: Collection[date]) -> None:
        """Read run dates of which many are going to be asked for at once."""
        if len(set(run_dates)) > FEW:
            self.history(min(run_dates), max(run_dates))

    @property
    def run_dates(self) -> list[date]:
        """All run dates of which ledger or claims say something."""
        return sorted({*self._addresses, *self.history(EARLIEST, LATEST).run_ids})

    def runs(self, run_date: date, *, deep: bool = True) -> Iterator[TracedRun]:
        """Return the runs of a run date: those that were claimed, and those that the ledger alone still names."""
        claims, history = self._claims_of(run_date, deep=deep), self.history(run_date, run_date)
        for number, claim in enumerate(claims):
            run = run_of(self.session, self.job, run_date, claim)
            yield TracedRun(run, claim, claims[number + 1 :], history, deep)
        claimed = {claim.run_id for claim in claims}
        for run_id in history.run_ids.get(run_date, ()):
            if run_id not in claimed:
                generations = (row["details"].get("generation", 0) for row in history.of_run(run_id, "published"))
                run = run_without_claim(self.session, self.job, run_date, run_id, next(generations, 0))
                yield TracedRun(run, None, claims, history, deep)

    def run(self, run_date: date, run_id: str) -> TracedRun | None:
        """Return one run, or None."""
        return next((traced for traced in self.runs(run_date) if traced.run.run_id == run_id), None)

    @cached_property
    def _addresses(self) -> dict[date, list[str]]:
        """Addresses of the claims of all run dates: one listing, for whoever asks for all."""
        return claim_addresses(self.session, self.job)

    def _claims_of(self, run_date: date, *, deep: bool) -> list[Claim]:
        if run_date not in self._claims:
            addresses = None if deep else self._addresses.get(run_date, [])
            self._claims[run_date] = self._read_claims(run_date, addresses)
        return self._claims[run_date]

    def _read_claims(self, run_date: date, addresses: list[str] | None) -> list[Claim]:
        if addresses is not None:
            return claims_at(self.session, addresses)
        left = self.session.store.folders(self.session.store.uri(self.job.name, "attempts", str(run_date), ""))
        return claims_of(self.session, self.job, run_date) if left else []
