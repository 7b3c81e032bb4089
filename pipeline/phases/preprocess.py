"""Preprocess: the job's SQL makes the examples of a run, in BigQuery."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from pipeline.errors import CheckError, RequestError
from pipeline.models.contract import make_model
from pipeline.runs.artefacts.examples import Counts, Examples, counted, examples_stand
from pipeline.runs.artefacts.examples_statements import (
    examples_profile_statement,
    examples_statement,
    source_range_statement,
)
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.check_rules import example_checks, rules_of
from pipeline.runs.checks import checked_event, judge, refuse_failed
from pipeline.runs.job_statements import examples_columns, source_tables
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.ledger.usage import Meter
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.run import Run
from pipeline.sql import TableName


@in_phase("preprocess")
def preprocess_run(run: Run) -> Examples:
    """Make the examples of a run, or use those that were made before.

    Raises
    ------
    RequestError
        The sources hold nothing to score on the run date, or no row to train on.
    CheckError
        Two examples have one key.
    """
    meter, counts, columns = Meter(run.session), _cached(run), examples_columns(run.session, run.job)
    made = counts is None
    if counts is None:
        run.done_now.add("preprocess")
        with run.session.reporter.step(f"{run.run_date} preprocess") as said:
            counts = _make_or_void(run)
            said.append(f"{counts.training_rows:,} rows to train on, {counts.scoring_rows:,} to score")
    run.record("preprocess", [_event(run, counts, meter if made else None)])
    return Examples(run.table("examples"), columns, counts)


def examples_of(run: Run) -> Examples:
    """Return the examples that were made for a run; nothing is made or recorded.

    Raises
    ------
    RequestError
        There are none, or they have expired.
    """
    counts = _cached(run)
    if counts is None:
        raise RequestError(f"{run.run_id}: {run.table('examples')} is not there", hint="run preprocess first")
    return Examples(run.table("examples"), examples_columns(run.session, run.job), counts)


def _cached(run: Run) -> Counts | None:
    counts = counted(run)
    return counts if counts and examples_stand(run, counts) else None


def _make_or_void(run: Run) -> Counts:
    """Make the examples; a snapshot that lacks the data voids the run, so that the next attempt reads a newer one."""
    try:
        return _make(run)
    except (RequestError, CheckError) as error:
        if not committed_manifests(run):  # what has predicted had its data: its examples have expired
            run.void(error.loggable)
        raise


def _make(run: Run) -> Counts:
    _check_request(run)
    warehouse, table = run.session.warehouse, run.table("examples")
    statement = examples_statement(run)
    warehouse.execute(statement, step=f"{run.run_id}-examples", verify=partial(_stand, run))
    warehouse.tables.label_run_table(table, run.labels("preprocess") | {"sql_digest": statement.digest})
    counts = _count(run)
    run.session.store.put_json_once(asdict(counts), run.layout.examples)
    return counts


def _stand(run: Run) -> bool:
    """Tell whether the examples that an earlier attempt made are there, as they were if it has counted them."""
    known = counted(run)
    return examples_stand(run, known) if known else run.session.warehouse.tables.exists(run.table("examples"))


def _check_request(run: Run) -> None:
    """Say what would fail later: a source table or a model class that is not there."""
    present = run.session.warehouse.tables.labels_in(run.session.target.dataset)
    missing = [str(table) for name, table in source_tables(run.session, run.job).items() if name not in present]
    if missing:
        what = f"{run.job.name}: source {', '.join(missing)} does not exist"
        raise RequestError(what, hint=f"load it with pipeline sources load {run.job.name}")
    for variant in run.job.variants:
        make_model(variant.config)


def _event(run: Run, counts: Counts, meter: Meter | None) -> Event:
    return Event(
        phase="preprocess",
        event="done",
        uri=f"bq://{run.table('examples')}",
        row_count=counts.row_count,
        seconds=meter.seconds if meter else None,
        sql_version=run.job.spec.examples.sql,
        sql_digest=run.session.catalogue.get(run.job.spec.examples.sql).digest,
        details={**asdict(counts), "commit": run.session.commit, **(meter.details() if meter else {})},
    )


def _count(run: Run) -> Counts:
    session, table, key = run.session, run.table("examples"), run.job.spec.row_key
    asset = session.catalogue.get(run.job.spec.examples.sql)
    rules = rules_of(session, table, key, example_checks(session, run.job))
    profile = session.warehouse.rows(examples_profile_statement(run, rules))[0]
    results = judge(rules, profile)
    run.ledger.record(run.run_date, run.run_id, [checked_event("preprocess", table, asset, results)])
    found = {name: value or 0 for name, value in profile.items()}
    where = f"{run.job.name} {run.run_date}"
    if found["duplicate_keys"]:
        what = f"{where}: {found['duplicate_keys']} examples share a key ({', '.join(key)})"
        raise CheckError(what, hint="mend the sources")
    if found["unusable_rows"]:
        what = f"{where}: {found['unusable_rows']} examples have no example_as_of or one after the run's {run.as_of}"
        raise CheckError(what, hint=f"mend {run.job.spec.examples.sql}: a row's moment is at most @as_of")
    if not found["scoring_rows"]:
        raise RequestError(f"{where}: nothing to score; {_source_ranges(run)}", hint="load the sources of that date")
    if not found["training_rows"]:
        raise RequestError(f"{where}: nothing to train on; {_source_ranges(run)}", hint="choose a later date")
    refuse_failed(session, table, key, rules, results)
    return Counts(found["row_count"], found["training_rows"], found["scoring_rows"])


def _source_ranges(run: Run) -> str:
    tables = source_tables(run.session, run.job)
    known = {name: source.known_at for name, source in run.job.spec.sources.items()}
    return "; ".join(_source_range(run, name, tables[name], at) for name, at in known.items() if at)


def _source_range(run: Run, name: str, table: TableName, known_at: str) -> str:
    found = run.session.warehouse.rows(source_range_statement(run.session, table, known_at))[0]
    if not found["row_count"]:
        return f"{name} is empty"
    return f"{name} was known from {found['first_known']:%Y-%m-%d} to {found['last_known']:%Y-%m-%d}"
