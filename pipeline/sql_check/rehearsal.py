"""A whole life of a job on paper: every statement in the order in which runs send them, with sample values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.comparisons import challengers_of
from pipeline.gate_metrics import gate_rule
from pipeline.id_maps import ID_MAP
from pipeline.identity import run_definition, run_id_of
from pipeline.metrics import MetricSpec
from pipeline.project import Job
from pipeline.runs import Run
from pipeline.schemas import Schema
from pipeline.session import Session
from pipeline.setup import PARTITION, SLICE_COLUMNS
from pipeline.sql_assets import Statement, TableName
from pipeline.statements import (
    champions,
    checks,
    dashboard,
    doctor,
    drift,
    evaluation,
    examples,
    gate,
    id_maps,
    leaks,
    ledger,
    places,
    predictions,
    trace,
)
from pipeline.statements.job import Asked, as_of_date, job_query, label_columns, source_tables

SAMPLE_DATE = date(2024, 2, 29)
"""Run date of the sample values; any would do."""


@dataclass(frozen=True)
class Rehearsal:
    """What the statements of a job are made of.

    Parameters
    ----------
    session
        Names tables; nothing is sent.
    run
        A run that nobody claimed.
    """

    session: Session
    job: Job
    run: Run

    @classmethod
    def of(cls, session: Session, job: Job, run_date: date) -> Rehearsal:
        """Return the rehearsal of a run date."""
        as_of = as_of_date(job, run_date)
        run_id = run_id_of(job, run_date, run_definition(job, session.catalogue), 1)
        return cls(session, job, Run(session, job, run_date, as_of, run_id, 1, as_of + timedelta(hours=3), None))

    @property
    def variant(self) -> str:
        """The first variant."""
        return self.job.variants[0].id

    @property
    def loaded(self) -> TableName:
        """Run table into which predictions are loaded."""
        return self.run.predictions_table(self.variant, "0123456789abcdef")

    @property
    def id_map(self) -> TableName:
        """Run table into which an id<->index table is loaded."""
        return self.run.id_map_table(self.variant, "users")

    @property
    def labels(self) -> TableName:
        """Run table of labels."""
        return self.run.table("labels")

    def tables(self) -> dict[TableName, Schema]:
        """Return the tables that no statement makes: sources, and what load jobs and the API make."""
        sources = source_tables(self.session, self.job)
        known = {sources[name]: source.typed_columns for name, source in self.job.spec.sources.items()}
        published = self.session.target.table(self.job.predictions_table)
        return {
            **known,
            published: SLICE_COLUMNS + self.job.prediction_schema,
            self.loaded: self.job.prediction_schema,
            self.id_map: ID_MAP,
        }

    def partitions(self) -> dict[TableName, str]:
        """Return the partitions of these tables."""
        return {self.session.target.table(self.job.predictions_table): PARTITION}

    def parts(self) -> Iterator[Statement]:
        """Return the queries that are nested in what is sent: the job's own SQL, and what metrics read."""
        spec, run = self.job.spec, self.run
        first = run.run_date - timedelta(days=spec.examples.history_days)
        asked = Asked(run.run_date, first, run.run_date, run.as_of, run.snapshot_at)
        for step in (spec.examples, spec.labels):
            yield job_query(self.session, self.job, step, asked)
        yield from self._judged()
        yield self._paired()

    def _judged(self) -> tuple[Statement, ...]:
        session, run, columns = self.session, self.run, MetricSpec.of(self.job).columns
        published = session.target.table(self.job.predictions_table)
        return (
            predictions.published_slice_statement(session, published, columns, run.run_date, run.run_id),
            predictions.published_span_statement(session, published, columns, {run.run_date: run.run_id}),
            predictions.staged_predictions_statement(session, self.loaded, columns, "staged"),
        )

    def sent(self) -> Iterator[Statement]:
        """Return every statement that is sent."""
        yield from self.life()
        yield from self._leak_test()
        yield from self._models()
        yield ledger.clock_statement(self.session, self.run.snapshot_at)
        yield doctor.account_statement(self.session)
        yield doctor.new_table_statement(self.session, self.session.target.runs_dataset)

    def life(self) -> Iterator[Statement]:
        """Return the statements of runs and evaluations."""
        yield from self._setup()
        yield from self._preprocess()
        yield from self._load()
        yield from self._evaluate()
        yield from dashboard.page_statements(self.session, self.job.name, self.run.run_date, self.run.run_date)

    def _setup(self) -> Iterator[Statement]:
        yield from (place.statement for place in places.functions(self.session))
        yield from (place.statement for place in places.tables_and_views(self.session, self.job))
        yield from (place.statement for place in places.dashboard_views(self.session))
        yield ledger.run_start_statement(self.session, self.job.name, self.run.run_date)

    def _preprocess(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        yield examples.examples_statement(run)
        table, key = run.table("examples"), job.spec.row_key
        rules = checks.rules_of(session, table, key, checks.example_checks(session, job))
        yield examples.examples_profile_statement(run, rules)
        yield from self._offending(table, rules, key)
        for name, table in source_tables(session, job).items():
            known_at = job.spec.sources[name].known_at
            if known_at:
                yield examples.source_range_statement(session, table, known_at)
        yield ledger.append_events_statement(session, run.run_date, [])
        yield ledger.append_models_statement(session, job.name, run.run_date, run.run_id, [])

    def _models(self) -> Iterator[Statement]:
        """Yield what only some models need: id<->index tables, and a look whether the ledger knows one."""
        session, run, model_id = self.session, self.run, "0123456789abcdef"
        rules = checks.rules_of(session, self.id_map, ["index"], [])
        yield predictions.keyed_profile_statement(session, self.id_map, ["index"], ID_MAP.names, rules)
        yield id_maps.replace_id_map_statement(session, self.job, run.run_date, self.id_map, model_id, "users")
        yield id_maps.id_map_rows_statement(session, self.job.name, run.run_date)
        yield ledger.known_models_statement(session, [])

    def _offending(self, table: TableName, rules: Sequence[checks.Rule], key: Sequence[str]) -> Iterator[Statement]:
        for rule in rules:
            if rule.condition:
                yield checks.offending_rows_statement(self.session, table, key, rule.condition)

    def _load(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        key, columns = job.spec.prediction_key, job.prediction_schema.names
        rules = checks.rules_of(session, self.loaded, key, checks.prediction_checks(session, job))
        yield predictions.keyed_profile_statement(session, self.loaded, key, columns, rules)
        yield from self._offending(self.loaded, rules, key)
        values = {
            "run_date": run.run_date,
            "run_id": run.run_id,
            "model_id": "0123456789abcdef",
            "variant": self.variant,
            "generation": run.generation,
        }
        yield predictions.publish_statement(session, job, self.loaded, values)
        yield predictions.published_statement(session, job, run.run_date, run.run_date)
        yield ledger.append_champion_statement(session, job.name, self.variant, run.run_date, "first")
        yield ledger.append_verdict_statement(session, job.name, run.run_date, self.variant, "first", "first")

    def _evaluate(self) -> Iterator[Statement]:
        session, job, run, spec = self.session, self.job, self.run, MetricSpec.of(self.job)
        moment: datetime = as_of_date(job, run.run_date + timedelta(days=job.spec.labels.delay_days))
        asked = Asked(run.run_date, run.run_date, run.run_date, moment)
        which: dict[str, Any] = {"job": job.name, "run_date": run.run_date, "evaluation_id": "0123456789abcdef"}
        yield ledger.events_of_statement(session, job.name, run.run_date, run.run_date)
        yield evaluation.labels_statement(session, job, self.labels, asked)
        columns, key = label_columns(session, job).names, job.spec.row_key
        rules = checks.rules_of(session, self.labels, key, checks.label_checks(session, job))
        for counted in (rules, [*rules, checks.unknown_labels_rule(session)]):  # labels of somebody else, and the job's
            yield predictions.keyed_profile_statement(session, self.labels, key, columns, counted)
        yield from self._offending(self.labels, rules, key)
        if not spec.item:
            yield evaluation.unknown_labels_statement(session, self.loaded, self.labels, spec.entity)
        for rows in self._judged():
            yield evaluation.metrics_statement(session, rows, self.labels, spec)
        computed = evaluation.metrics_statement(session, self._judged()[0], self.labels, spec)
        digest = session.catalogue.get(spec.asset).digest
        yield evaluation.record_metrics_statement(session, computed, which, spec.asset, digest)
        yield evaluation.evaluation_metrics_statement(session, which)
        yield evaluation.run_metrics_statement(session, job.name, run.run_date, run.run_id)
        yield from self._drift()
        yield ledger.verdict_of_statement(session, job.name, run.run_date)
        yield from self._compare(which, digest)
        yield evaluation.report_statement(session, job, run.run_date, run.run_date)

    def _compare(self, which: dict[str, Any], digest: str) -> Iterator[Statement]:
        session, job, run, spec = self.session, self.job, self.run, MetricSpec.of(self.job)
        computed = evaluation.metrics_statement(session, self._paired(), self.labels, replace(spec, slices=[]))
        named = {**which, "champion": self.variant}
        yield gate.record_comparisons_statement(session, computed, named, spec.asset, digest)
        if job.spec.gate:
            rule = gate_rule(session.catalogue, job, job.spec.gate)
            yield gate.judge_statement(session, rule, [job.name], challengers_of(job), run.run_date)
        yield gate.append_verdicts_statement(session, job.name, [])
        yield gate.undone_statement(session, job.name, run.run_date)
        promotion = {"variant": self.variant, "reason": "better", "decided_on": run.run_date}
        yield gate.promote_statement(session, job, {**promotion, "not_before": run.run_date})
        yield champions.champions_of_statement(session, job.name)
        yield champions.variants_statement(session, job.name, "")
        yield from trace.trace_statements(session, job.name)

    def _paired(self) -> Statement:
        pairing = gate.Pairing(self.run.run_date, self.run.run_id, self.variant, challengers_of(self.job)[1:])
        published = self.session.target.table(self.job.predictions_table)
        columns = MetricSpec.of(self.job).columns
        return gate.paired_predictions_statement(self.session, self.job, published, columns, pairing)

    def _drift(self) -> Iterator[Statement]:
        measured = {False: drift.distributions_statement(self.run, [])}
        if drift.has_label_rate(self.run):
            measured[True] = drift.label_rate_statement(self.run, self.labels)
        for of_labels, computed in measured.items():
            yield drift.record_drift_statement(self.run, computed, of_labels=of_labels)
            yield drift.drift_rows_statement(self.run, of_labels=of_labels)

    def _leak_test(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        asked = Asked(run.run_date, run.run_date, run.run_date, run.as_of)
        own = source_tables(session, job)
        for name, source in job.spec.sources.items():
            if source.known_at:
                own[name] = run.table(f"leak__cut__{name}")
                yield leaks.cut_source_statement(session, job, name, own[name], run.as_of)
        for kind, step in (("examples", job.spec.examples), ("labels", job.spec.labels)):
            one, other = (run.table(f"leak__{kind}_{side}") for side in ("one", "other"))
            for table in (one, other):
                yield leaks.copy_statement(session, job, step, table, asked, own)
            pair = leaks.Pair(one, other, session.catalogue.get(step.sql).columns, job.spec.row_key)
            yield from self._comparisons(pair)
            if step is job.spec.examples:
                yield leaks.moments_statement(session, one)
                yield from self._comparisons(replace(pair, moment=run.as_of))

    def _comparisons(self, pair: leaks.Pair) -> Iterator[Statement]:
        yield leaks.compare_statement(self.session, pair)
        kinds = {leaks.difference(self.session, pair, column).asset.name: column for column in pair.compared}
        for column in kinds.values():
            yield leaks.example_key_statement(self.session, pair, column)
