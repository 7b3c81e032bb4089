"""Models: the variants of a job and what they are worth, and the champion that people name by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.errors import RequestError
from pipeline.evaluation.comparisons import challengers_of
from pipeline.project.project import Job
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.statements import champions_of_statement, variants_statement
from pipeline.runs.publications import published
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables

ROLLBACK = "rollback: "
"""Begins the reason of a champion that was brought back."""


Spans = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class VariantLine:
    """A variant and its newest model.

    Parameters
    ----------
    role
        champion, challenger, baseline, or `gone` for one that the job does not name any more.
    champion_since
        Run date from which it is champion, for the present champion.
    run_date, model_id, uri
        Newest run that fitted it, and the model.
    metric, metric_run_date, n, value
        Newest value of the metric, overall.
    """

    variant: str
    role: str
    champion_since: date | None
    run_date: date | None
    model_id: str | None
    uri: str | None
    metric: str | None
    metric_run_date: date | None
    n: int | None
    value: float | None


@dataclass(frozen=True)
class Named:
    """A champion that was named by hand."""

    job: str
    champion: str
    before: str | None
    from_run_date: date
    reason: str


def champions_of(session: Session, job: Job) -> Spans:
    """Return the champions of a job in the order of the run dates from which they hold; the last is the present one."""
    return session.warehouse.rows(champions_of_statement(session, job.name))


def list_variants(session: Session, job: Job) -> list[VariantLine]:
    """Return the variants of a job in its order, then those that it does not name any more."""
    ensure_tables(session, job)
    metric = job.spec.gate.metric if job.spec.gate else next(iter(job.spec.headline), None)
    known = {row["variant"]: row for row in session.warehouse.rows(variants_statement(session, job.name, metric or ""))}
    spans, mine = champions_of(session, job), [variant.id for variant in job.variants]
    gone = sorted(({span["variant"] for span in spans} | set(known)) - set(mine))
    return [_line(job, variant, metric, known.get(variant, {}), spans) for variant in (*mine, *gone)]


def _line(job: Job, variant: str, metric: str | None, row: Mapping[str, Any], spans: Spans) -> VariantLine:
    is_champion = variant == _present(spans)
    known = {name: row.get(name) for name in ("run_date", "model_id", "uri", "metric_run_date", "n", "value")}
    return VariantLine(
        variant=variant,
        role="champion" if is_champion else _role(job, variant),
        champion_since=spans[-1]["from_run_date"] if is_champion else None,
        metric=metric,
        **known,
    )


def _role(job: Job, variant: str) -> str:
    if variant in challengers_of(job):
        return "challenger"
    return "baseline" if variant in [known.id for known in job.variants] else "gone"


def promote_variant(session: Session, job: Job, name: str, reason: str, first: date | None = None) -> Named:
    """Make a variant champion by hand.

    Parameters
    ----------
    name
        Name of the variant, or its id.
    first
        First run date that consumers read it for; the day after the last published run date when not given.

    Raises
    ------
    RequestError
        It is no variant, a baseline, champion already, or has no predictions where consumers would read them.
    """
    variant = _variant(job, name)
    _refuse_empty(reason)
    ensure_tables(session, job)
    spans = champions_of(session, job)
    _refuse_champion(job, variant, spans)
    start = _first_date(session, job, variant, spans, first)
    return _name(
        session, job, Named(job.name, variant, _present(spans), start, reason), "promote", f"by hand: {reason}"
    )


def roll_back(session: Session, job: Job, reason: str) -> Named:
    """Make the champion before the present one champion again, from the next run date on.

    Raises
    ------
    RequestError
        There was none before, or it is no variant of the job any more.
    """
    _refuse_empty(reason)
    ensure_tables(session, job)
    spans = champions_of(session, job)
    before = _before(spans)
    if before is None:
        what = f"{job.name}: there is no champion to go back to"
        raise RequestError(what, hint=f"the champion is {_present(spans) or 'not named yet'}, and none stood before it")
    if before not in challengers_of(job):
        what = f"{job.name}: {before}, the champion before, is no variant of the job any more"
        raise RequestError(what, hint=f"promote one of: {', '.join(challengers_of(job))}")
    start = _first_date(session, job, before, spans, None)
    named = Named(job.name, before, _present(spans), start, reason)
    return _name(session, job, named, "rollback", f"{ROLLBACK}{reason}")


def _name(session: Session, job: Job, named: Named, verdict: str, reason: str) -> Named:
    """Record verdict and champion; the verdict comes first, so that what is cut short is done again as a whole."""
    ledger = Ledger(session, job.name)
    row = {"run_date": named.from_run_date, "champion": named.before or "", "challenger": named.champion}
    ledger.record_verdicts([{**row, "verdict": verdict, "reason": reason}])
    ledger.decide_champion(named.champion, named.from_run_date, reason)
    return named


def _present(spans: Spans) -> str | None:
    return spans[-1]["variant"] if spans else None


def _before(spans: Spans) -> str | None:
    """Return the champion before the present one; what was rolled back is no champion to go back to."""
    stood: list[str] = []
    for span in spans:
        if span["reason"].startswith(ROLLBACK) and span["variant"] in stood:
            stood = stood[: len(stood) - stood[::-1].index(span["variant"])]
        elif stood[-1:] != [span["variant"]]:
            stood.append(span["variant"])
    return stood[-2] if len(stood) > 1 else None


def _variant(job: Job, name: str) -> str:
    found = [variant for variant in job.variants if name in (variant.name, variant.id)]
    known = ", ".join(job.spec.variants)
    if not found:
        raise RequestError(f"{job.name} has no variant {name!r}", hint=f"the variants are: {known}")
    if found[0].id not in challengers_of(job):
        raise RequestError(f"{job.name}: {name} is a baseline and never champion", hint=f"the variants are: {known}")
    return found[0].id


def _refuse_empty(reason: str) -> None:
    if not reason.strip():
        raise RequestError("--reason is empty", hint="say why, for those who read the history")


def _refuse_champion(job: Job, variant: str, spans: Spans) -> None:
    if variant == _present(spans):
        raise RequestError(
            f"{job.name}: {variant} is champion already", hint=f"since run date {spans[-1]['from_run_date']}"
        )


def _first_date(session: Session, job: Job, variant: str, spans: Spans, asked: date | None) -> date:
    """Return from which run date on a variant can be champion, without taking anything from consumers."""
    slices = published(session, job, asked or EARLIEST, LATEST)
    since: date = spans[-1]["from_run_date"] if spans else EARLIEST
    if asked is None:
        if not slices:
            raise RequestError(f"{job.name}: nothing was published yet", hint="say with --from from which run date on")
        last: date = slices[-1]["run_date"]
        return max(since, last + timedelta(days=1))
    if asked < since:
        what = f"--from {asked} lies before {since}, from which run date on {_present(spans)} is champion"
        raise RequestError(what, hint="name that date or a later one: who was champion before stays")
    # The first champion is read for the run dates before its own, too
    if asked == since and (slices if len(spans) > 1 else published(session, job, EARLIEST, LATEST)):
        what = (
            f"--from {asked} is the run date from which on {_present(spans)} is read: it would never have been champion"
        )
        raise RequestError(what, hint="name a later date, so that a rollback finds the way back")
    lacking = {row["run_date"] for row in slices} - {row["run_date"] for row in slices if row["variant"] == variant}
    if lacking:
        what = f"{variant} has no predictions of {min(lacking)}: consumers would read nothing for it"
        raise RequestError(what, hint="name a later date, or run that one with this variant first")
    return asked


def variants_table(job: str, variants: Sequence[VariantLine]) -> Table:
    """Return a row for each variant."""
    metric = next((line.metric for line in variants if line.metric), None) or "metric"
    table = Table(box=SIMPLE_HEAD, title=f"{job}: variants", title_justify="left")
    for name in ("variant", "role", "since", "last run date", "model"):
        table.add_column(name, no_wrap=True)
    table.add_column(metric, justify="right")
    table.add_column("of run date", no_wrap=True)
    for line in variants:
        value = "-" if line.value is None else f"{line.value:.4f}"
        cells = (line.champion_since, line.run_date, line.model_id)
        known = ("-" if cell is None else str(cell) for cell in cells)
        table.add_row(line.variant, line.role, *known, value, str(line.metric_run_date or "-"))
    return table


def champion_lines(job: str, spans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return a line for each champion, the oldest first."""
    yield f"{job}: champions" if spans else f"{job}: no champion yet"
    for span in spans:
        decided = f"decided {span['decided_at']:%Y-%m-%d}"
        yield f"  from {span['from_run_date']}  {span['variant']}  {span['reason']} ({decided})"
