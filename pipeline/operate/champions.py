"""The variants of a job with their newest models and metrics, and the champion that a person names by hand."""

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
"""Prefix of the reason for a champion that was brought back."""

Spans = Sequence[Mapping[str, Any]]
"""Champions of a job, in the order of the run dates from which they are read; the last is the present one."""


@dataclass(frozen=True)
class VariantLine:
    """A variant and its newest model.

    Parameters
    ----------
    role
        champion, challenger or baseline; `gone` if the job does not have the variant any more.
    champion_since
        Run date from which the present champion is read; None for other variants.
    run_date, model_id, uri
        Newest run that fitted it, and the model.
    metric, metric_run_date, n, value
        Newest value of the metric over all rows, which are `n`.
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
class ChampionChange:
    """A champion that a person named, and the one before it."""

    job: str
    champion: str
    before: str | None
    from_run_date: date
    reason: str


def champions_of(session: Session, job: Job) -> Spans:
    """Return the champions of a job."""
    return session.warehouse.rows(champions_of_statement(session, job.name))


def list_variants(session: Session, job: Job) -> list[VariantLine]:
    """Return the variants of a job in its order, then those that it does not have any more."""
    ensure_tables(session, job)
    metric = job.spec.gate.metric if job.spec.gate else next(iter(job.spec.headline), None)
    rows = {row["variant"]: row for row in session.warehouse.rows(variants_statement(session, job.name, metric or ""))}
    spans, own = champions_of(session, job), [variant.id for variant in job.variants]
    gone = sorted(({span["variant"] for span in spans} | set(rows)) - set(own))
    return [_line(job, variant, metric, rows.get(variant, {}), spans) for variant in (*own, *gone)]


def _line(job: Job, variant: str, metric: str | None, row: Mapping[str, Any], spans: Spans) -> VariantLine:
    is_champion = variant == _present(spans)
    newest = {name: row.get(name) for name in ("run_date", "model_id", "uri", "metric_run_date", "n", "value")}
    return VariantLine(
        variant=variant,
        role="champion" if is_champion else _role(job, variant),
        champion_since=spans[-1]["from_run_date"] if is_champion else None,
        metric=metric,
        **newest,
    )


def _role(job: Job, variant: str) -> str:
    if variant in challengers_of(job):
        return "challenger"
    return "baseline" if variant in job.variant_ids else "gone"


def promote_variant(session: Session, job: Job, name: str, reason: str, first: date | None = None) -> ChampionChange:
    """Make a variant champion by hand.

    Parameters
    ----------
    name
        Name of the variant, or its id.
    first
        First run date for which it is read; the day after the last published run date when not given.

    Raises
    ------
    RequestError
        It is not a variant, is a baseline, is champion already, or has no predictions for a run date for which it would
        be read; or there is no reason.
    """
    variant = _variant(job, name)
    _refuse_empty(reason)
    ensure_tables(session, job)
    spans = champions_of(session, job)
    if variant == _present(spans):
        since = spans[-1]["from_run_date"]
        raise RequestError(f"{job.name}: {variant} is champion already", hint=f"since run date {since}")
    start = _first_date(session, job, variant, spans, first)
    change = ChampionChange(job.name, variant, _present(spans), start, reason)
    return _record(session, change, "promote", f"by hand: {reason}")


def roll_back(session: Session, job: Job, reason: str) -> ChampionChange:
    """Make the previous champion champion again, from the next run date on.

    Raises
    ------
    RequestError
        There is no previous champion, it is not a variant of the job any more, or there is no reason.
    """
    _refuse_empty(reason)
    ensure_tables(session, job)
    spans = champions_of(session, job)
    before = _previous(spans)
    if before is None:
        hint = f"the champion is {_present(spans) or 'not named yet'}, and there was none before it"
        raise RequestError(f"{job.name}: there is no champion to go back to", hint=hint)
    if before not in challengers_of(job):
        message = f"{job.name}: {before}, the previous champion, is not a variant of the job any more"
        raise RequestError(message, hint=f"promote one of: {', '.join(challengers_of(job))}")
    start = _first_date(session, job, before, spans, None)
    change = ChampionChange(job.name, before, _present(spans), start, reason)
    return _record(session, change, "rollback", f"{ROLLBACK}{reason}")


def _record(session: Session, change: ChampionChange, verdict: str, reason: str) -> ChampionChange:
    """Record verdict and champion; the verdict first, so that a repeated command after a failure completes both."""
    ledger = Ledger(session, change.job)
    row = {"run_date": change.from_run_date, "champion": change.before or "", "challenger": change.champion}
    ledger.record_verdicts([{**row, "verdict": verdict, "reason": reason}])
    ledger.decide_champion(change.champion, change.from_run_date, reason)
    return change


def _present(spans: Spans) -> str | None:
    return spans[-1]["variant"] if spans else None


def _previous(spans: Spans) -> str | None:
    """Return the champion before the present one; one that was rolled back does not count."""
    champions: list[str] = []
    for span in spans:
        if span["reason"].startswith(ROLLBACK) and span["variant"] in champions:
            champions = champions[: len(champions) - champions[::-1].index(span["variant"])]
        elif champions[-1:] != [span["variant"]]:
            champions.append(span["variant"])
    return champions[-2] if len(champions) > 1 else None


def _variant(job: Job, name: str) -> str:
    ids = [variant.id for variant in job.variants if name in (variant.name, variant.id)]
    hint = f"the variants are: {', '.join(job.spec.variants)}"
    if not ids:
        raise RequestError(f"{job.name} has no variant {name!r}", hint=hint)
    if ids[0] not in challengers_of(job):
        raise RequestError(f"{job.name}: {name} is a baseline, which is never champion", hint=hint)
    return ids[0]


def _refuse_empty(reason: str) -> None:
    if not reason.strip():
        raise RequestError("--reason is empty", hint="give one, for readers of the champion's history")


def _first_date(session: Session, job: Job, variant: str, spans: Spans, asked: date | None) -> date:
    """Return the first run date for which a variant can be read, so that every run date keeps its predictions."""
    slices = published(session, job, asked or EARLIEST, LATEST)
    since: date = spans[-1]["from_run_date"] if spans else EARLIEST
    if asked is None:
        if not slices:
            raise RequestError(f"{job.name}: nothing was published yet", hint="name the first run date with --from")
        last: date = slices[-1]["run_date"]
        return max(since, last + timedelta(days=1))
    if asked < since:
        message = f"--from {asked} is before {since}, the run date from which on {_present(spans)} is champion"
        raise RequestError(message, hint="name that date or a later one: earlier champions stay")
    # The first champion is read for the run dates before its own, too
    if asked == since and (slices if len(spans) > 1 else published(session, job, EARLIEST, LATEST)):
        message = f"--from {asked} is the run date from which on {_present(spans)} is read"
        hint = "name a later date: with this one it would never have been champion, and no rollback could return to it"
        raise RequestError(message, hint=hint)
    lacking = {row["run_date"] for row in slices} - {row["run_date"] for row in slices if row["variant"] == variant}
    if lacking:
        message = f"{variant} has no predictions of {min(lacking)}: consumers would read nothing for it"
        raise RequestError(message, hint="name a later date, or run that one with this variant first")
    return asked


def variants_table(job: str, variants: Sequence[VariantLine]) -> Table:
    """Return a table for a terminal, with a row for each variant."""
    metric = next((line.metric for line in variants if line.metric), None) or "metric"
    table = Table(box=SIMPLE_HEAD, title=f"{job}: variants", title_justify="left")
    for name in ("variant", "role", "since", "last run date", "model"):
        table.add_column(name, no_wrap=True)
    table.add_column(metric, justify="right")
    table.add_column("of run date", no_wrap=True)
    for line in variants:
        value = "-" if line.value is None else f"{line.value:.4f}"
        cells = ("-" if cell is None else str(cell) for cell in (line.champion_since, line.run_date, line.model_id))
        table.add_row(line.variant, line.role, *cells, value, str(line.metric_run_date or "-"))
    return table


def champion_lines(job: str, spans: Spans) -> Iterator[str]:
    """Yield a line for each champion, the oldest first."""
    yield f"{job}: champions" if spans else f"{job}: no champion yet"
    for span in spans:
        decided = f"decided {span['decided_at']:%Y-%m-%d}"
        yield f"  from {span['from_run_date']}  {span['variant']}  {span['reason']} ({decided})"
