"""Preprocess: make the examples of a run with the job's SQL, in BigQuery."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from pipeline.base.dates import in_both_zones
from pipeline.errors import CheckError, RequestError
from pipeline.models.interface import make_model
from pipeline.project.code import digest_of_code
from pipeline.project.job_yaml import LABEL, MOMENT
from pipeline.project.user_code import of_variant
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.examples import Counts, Examples, counted, doubled_rows, examples_unchanged
from pipeline.runs.artefacts.examples_statements import (
    examples_profile_statement,
    examples_statement,
    source_range_statement,
)
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.check_rules import example_checks, rules_of
from pipeline.runs.checks import checked_event, judge, refuse_failed
from pipeline.runs.job_statements import source_tables
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.ledger.usage import Meter
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.run import Run

ADDED = (LABEL, "_trains", "_scores", "_shard")
"""Last columns of the examples table, which the engine adds: see phases/examples_v1."""


@in_phase("preprocess")
def preprocess_run(run: Run) -> Examples:
    """Make the examples of a run, or return those of an earlier attempt.

    An error voids the run, so that the next attempt reads a newer snapshot.

    Raises
    ------
    RequestError
        The sources have no row to score on the run date, or no row to train on.
    CheckError
        Two examples share a key, or a data check fails.
    """
    meter, counts = Meter(run.session), _cached(run)
    is_new = counts is None
    if counts is None:
        run.done_now.add("preprocess")
        with run.session.reporter.step(f"{run.run_date} preprocess") as notes:
            counts = _make_or_void(run)
            notes.append(f"{counts.training_rows:,} rows to train on, {counts.scoring_rows:,} to score")
    run.record("preprocess", [_event(run, counts, meter if is_new else None)])
    return Examples(run.table("examples"), counts)


def examples_of(run: Run) -> Examples:
    """Return the examples of a run, which preprocess has made; nothing is made or recorded.

    Raises
    ------
    RequestError
        There are no examples, or they have expired.
    """
    counts = _cached(run)
    if counts is None:
        raise RequestError(f"{run.run_id}: {run.table('examples')} does not exist", hint="run preprocess first")
    return Examples(run.table("examples"), counts)


def _cached(run: Run) -> Counts | None:
    counts = counted(run)
    return counts if counts and examples_unchanged(run, counts) else None


def _make_or_void(run: Run) -> Counts:
    try:
        return _make(run)
    except (RequestError, CheckError) as error:
        if not committed_manifests(run):  # with predictions, the data was there and its examples have expired
            run.void(error.loggable)
        raise


def _make(run: Run) -> Counts:
    _check_request(run)
    warehouse, table = run.session.warehouse, run.table("examples")
    statement = examples_statement(run)
    warehouse.execute(statement, step=f"{run.run_id}-examples", verify=partial(_is_made, run))
    warehouse.tables.label_run_table(table, run.billing_labels("preprocess") | {"sql_digest": statement.digest})
    _check_columns(run)
    counts = _count(run)
    run.session.store.put_json_once(asdict(counts), run.layout.examples)
    return counts


def _is_made(run: Run) -> bool:
    """Tell whether the examples of an earlier attempt exist, with as many rows as it counted if it counted them."""
    known = counted(run)
    return examples_unchanged(run, known) if known else run.session.warehouse.tables.exists(run.table("examples"))


def _check_request(run: Run) -> None:
    """Refuse a source table, or a model class of the leader, that does not exist: a later step would fail on it."""
    present = run.session.warehouse.tables.labels_in(run.session.target.dataset)
    missing = [str(table) for name, table in source_tables(run.session, run.job).items() if name not in present]
    if missing:
        message = f"{run.job.name}: source {', '.join(missing)} does not exist"
        raise RequestError(message, hint=f"load it with pipeline sources load {run.job.name}")
    for variant in (variant for variant in run.job.variants if variant.id == run.leader):
        with of_variant(variant.name):
            make_model(variant.config)


def _check_columns(run: Run) -> None:
    """Refuse SQL whose result has other columns than its header declares: models get the declared ones.

    `sql check` compares types exactly. The emulator has other types of numbers than BigQuery, e.g. for a sum.
    """
    made = run.session.warehouse.tables.result_columns(run.table("examples")).columns
    of_examples, label = Schema(made[: -len(ADDED)]), Schema(made[-len(ADDED) :][:1])
    examples, labels = (run.session.catalogue.get(step.sql) for step in (run.job.spec.examples, run.job.spec.labels))
    for asset, declared, returned in (
        (examples, examples.columns, of_examples),
        (labels, labels.columns.select([LABEL]), label),
    ):
        difference = declared.difference(returned, are_kinds_enough=True)
        if difference:
            raise RequestError(f"{asset.path}:1: {difference}", hint="fix the header or the statement")


def _event(run: Run, counts: Counts, meter: Meter | None) -> Event:
    return Event(
        phase="preprocess",
        event="done",
        uri=f"bq://{run.table('examples')}",
        row_count=counts.row_count,
        seconds=meter.seconds if meter else None,
        sql_version=run.job.spec.examples.sql,
        sql_digest=run.session.catalogue.get(run.job.spec.examples.sql).digest,
        details={
            **asdict(counts),
            "commit": run.session.commit,
            "code": digest_of_code(run.job),
            **(meter.details() if meter else {}),
        },
    )


def _count(run: Run) -> Counts:
    session, table, key = run.session, run.table("examples"), run.job.spec.row_key
    asset = session.catalogue.get(run.job.spec.examples.sql)
    rules = rules_of(session, table, key, example_checks(session, run.job))
    profile = session.warehouse.rows(examples_profile_statement(run, rules))[0]
    results = judge(rules, profile)
    run.ledger.record(run.run_date, run.run_id, [checked_event("preprocess", table, asset, results)])
    counts = {name: value or 0 for name, value in profile.items()}
    where = f"{run.job.name} {run.run_date}"
    if counts["duplicate_keys"]:
        raise doubled_rows(run, counts["duplicate_keys"])
    if counts["unusable_rows"]:
        message = (
            f"{where}: {counts['unusable_rows']} examples have no example_as_of or one after the run's "
            f"{in_both_zones(run.as_of, run.job.spec.time_zone)}"
        )
        raise CheckError(message, hint=f"fix {run.job.spec.examples.sql}: a row's moment is at most @as_of")
    if not counts["scoring_rows"]:
        raise _nothing_to_score(run, where)
    if not counts["training_rows"]:
        raise RequestError(f"{where}: nothing to train on; {_source_ranges(run)}", hint="choose a later date")
    refuse_failed(session, table, key, rules, results)
    return Counts(counts["row_count"], counts["training_rows"], counts["scoring_rows"])


def _nothing_to_score(run: Run, where: str) -> RequestError:
    """Return the error of a run without rows to score: those of the date are missing, or have another moment."""
    spec, zone = run.job.spec, ZoneInfo(run.job.spec.time_zone)
    statement = source_range_statement(run.session, run.table("examples"), MOMENT)
    nearest: datetime | None = run.session.warehouse.rows(statement)[0]["last_known"]  # no row is later than the run
    what = f"{where}: nothing to score; {_source_ranges(run)}; no example has the moment of the run, "
    what += in_both_zones(run.as_of, spec.time_zone)
    hint = "load the sources of that date"
    if nearest:
        what += f", the nearest example_as_of is {in_both_zones(nearest, spec.time_zone)}"
        is_near = run.as_of - nearest < timedelta(days=1)
        if is_near and nearest.astimezone(zone).time() != run.as_of.astimezone(zone).time():
            hint = f"make example_as_of in {spec.examples.sql} that moment, or fix time_zone or as_of_offset_minutes"
    return RequestError(what, hint=hint)


def _source_ranges(run: Run) -> str:
    """Return the moments between which the rows of each source became known, as text."""
    tables, ranges = source_tables(run.session, run.job), []
    for name, source in run.job.spec.sources.items():
        if source.known_at:
            row = run.session.warehouse.rows(source_range_statement(run.session, tables[name], source.known_at))[0]
            known = "was known from {first_known:%Y-%m-%d} to {last_known:%Y-%m-%d}" if row["row_count"] else "is empty"
            ranges.append(f"{name} {known.format_map(row)}")
    return "; ".join(ranges)
