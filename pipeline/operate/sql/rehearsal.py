"""Rehearsal: every statement that a job can send, in the order in which runs send them, with sample values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pipeline.evaluation import drift_statements as drift
from pipeline.evaluation import gate_statements as gate
from pipeline.evaluation import metric_statements as evaluation
from pipeline.evaluation.comparisons import challengers_of
from pipeline.explain.dashboard.statements import page_statements
from pipeline.explain.trace.statements import trace_statements
from pipeline.models.id_maps import ID_MAP
from pipeline.operate.doctor.statements import account_statement, new_table_statement
from pipeline.operate.sql.leak_statements import leak_test_statements
from pipeline.project.gate_rule import gate_rule
from pipeline.project.job_yaml import MOMENT
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs import check_rules, tables
from pipeline.runs import publication_statements as publications
from pipeline.runs.artefacts import examples_statements as examples
from pipeline.runs.check_rules import Rule
from pipeline.runs.identity import run_definition, run_id_of
from pipeline.runs.job_statements import QueryScope, job_query, label_columns, source_tables
from pipeline.runs.ledger import statements as ledger
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

SAMPLE_DATE = date(2024, 2, 29)
"""Run date of the sample values; any date would do."""

MODEL_ID = EVALUATION_ID = "0123456789abcdef"


@dataclass(frozen=True)
class Rehearsal:
    """The statements of a job for one run, which has no claim. The session names tables; nothing is sent."""

    session: Session
    job: Job
    run: Run

    @classmethod
    def of(cls, session: Session, job: Job, run_date: date) -> Rehearsal:
        """Return the rehearsal of a run date."""
        as_of = job.as_of(run_date)
        run_id = run_id_of(job, run_date, run_definition(job, session.catalogue), 1)
        return cls(session, job, Run(session, job, run_date, as_of, run_id, 1, as_of + timedelta(hours=3), None))

    @property
    def variant(self) -> str:
        """The first variant."""
        return self.job.variants[0].id

    @property
    def loaded(self) -> TableName:
        """Run table into which predictions are loaded."""
        return self.run.predictions_table(self.variant, MODEL_ID)

    @property
    def id_map(self) -> TableName:
        """Run table into which an id<->index table is loaded."""
        return self.run.id_map_table(self.variant, "users")

    @property
    def labels(self) -> TableName:
        """Run table of labels."""
        return self.run.table("labels")

    @property
    def published(self) -> TableName:
        """The table of published predictions."""
        return self.session.target.table(self.job.predictions_table)

    def tables(self) -> dict[TableName, Schema]:
        """Return the tables that no statement makes: sources, and what load jobs and the API make."""
        sources = source_tables(self.session, self.job)
        return {
            **{sources[name]: source.typed_columns for name, source in self.job.spec.sources.items()},
            self.published: tables.SLICE_COLUMNS + self.job.prediction_schema,
            self.loaded: self.job.prediction_schema,
            self.id_map: ID_MAP,
        }

    def partitions(self) -> dict[TableName, str]:
        """Return the columns by which these tables are partitioned."""
        return {self.published: tables.PARTITION}

    def parts(self) -> Iterator[Statement]:
        """Yield the queries that are nested in sent statements: the job's own SQL, and what metrics read."""
        spec, run = self.job.spec, self.run
        first = run.run_date - timedelta(days=spec.examples.history_days)
        scope = QueryScope(run.run_date, first, run.run_date, run.as_of, run.snapshot_at)
        for step in (spec.examples, spec.labels):
            yield job_query(self.session, self.job, step, scope)
        yield from self._scored()
        yield self._paired()

    def _scored(self) -> tuple[Statement, ...]:
        """Return the queries of predictions that metrics read: of one run, of a span, of staged files."""
        session, run, columns = self.session, self.run, MetricSpec.of(self.job).columns
        return (
            publications.published_slice_statement(session, self.published, columns, run.run_date, run.run_id),
            publications.published_span_statement(session, self.published, columns, {run.run_date: run.run_id}),
            publications.staged_predictions_statement(session, self.loaded, columns, "staged"),
        )

    def sent(self) -> Iterator[Statement]:
        """Yield every statement that is sent."""
        yield from self.life()
        yield from leak_test_statements(self.run)
        yield from self._models()
        yield ledger.clock_statement(self.session, self.run.snapshot_at)
        yield account_statement(self.session)
        yield new_table_statement(self.session, self.session.target.runs_dataset)

    def life(self) -> Iterator[Statement]:
        """Yield the statements of runs and evaluations."""
        yield from self._setup()
        yield from self._preprocess()
        yield from self._load()
        yield from self._evaluate()
        yield from page_statements(self.session, self.job.name, self.run.run_date, self.run.run_date)

    def _setup(self) -> Iterator[Statement]:
        functions, dashboard = tables.functions(self.session), tables.dashboard_views(self.session)
        for item in (*functions, *tables.tables_and_views(self.session, self.job), *dashboard):
            yield item.statement
        yield ledger.run_start_statement(self.session, self.job.name, self.run.run_date)

    def _preprocess(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        yield examples.examples_statement(run)
        table, key = run.table("examples"), job.spec.row_key
        rules = check_rules.rules_of(session, table, key, check_rules.example_checks(session, job))
        yield examples.examples_profile_statement(run, rules)
        yield from self._offending(table, rules, key)
        yield examples.doubled_labels_statement(run)
        yield examples.source_range_statement(session, table, MOMENT)
        for name, table in source_tables(session, job).items():
            known_at = job.spec.sources[name].known_at
            if known_at:
                yield examples.source_range_statement(session, table, known_at)
        yield ledger.append_events_statement(session, run.run_date, [])
        yield ledger.append_models_statement(session, job.name, run.run_date, run.run_id, [])

    def _models(self) -> Iterator[Statement]:
        """Yield what only some models need: id<->index tables, and the lookup of a model in the ledger."""
        session, run = self.session, self.run
        rules = check_rules.rules_of(session, self.id_map, ["index"], [])
        yield publications.keyed_profile_statement(session, self.id_map, ["index"], ID_MAP.names, rules)
        yield publications.replace_id_map_statement(session, self.job, run.run_date, self.id_map, MODEL_ID, "users")
        yield publications.id_map_rows_statement(session, self.job.name, run.run_date)
        yield ledger.known_models_statement(session, [])

    def _offending(self, table: TableName, rules: Sequence[Rule], key: Sequence[str]) -> Iterator[Statement]:
        for rule in rules:
            if rule.condition:
                yield check_rules.offending_rows_statement(self.session, table, key, rule.condition)

    def _load(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        key, columns = job.spec.prediction_key, job.prediction_schema.names
        rules = check_rules.rules_of(session, self.loaded, key, check_rules.prediction_checks(session, job))
        yield publications.keyed_profile_statement(session, self.loaded, key, columns, rules)
        yield from self._offending(self.loaded, rules, key)
        values = {"run_date": run.run_date, "run_id": run.run_id, "model_id": MODEL_ID, "variant": self.variant}
        values = {**values, "generation": run.generation}
        yield publications.publish_statement(session, job, self.loaded, values)
        yield publications.published_statement(session, job, run.run_date, run.run_date)
        yield ledger.append_champion_statement(session, job.name, self.variant, run.run_date, "first")
        yield ledger.append_verdict_statement(session, job.name, run.run_date, self.variant, "first", "first")

    def _evaluate(self) -> Iterator[Statement]:
        session, job, run, spec = self.session, self.job, self.run, MetricSpec.of(self.job)
        moment = job.as_of(run.run_date + timedelta(days=job.spec.labels.delay_days))
        scope = QueryScope(run.run_date, run.run_date, run.run_date, moment)
        which: dict[str, Any] = {"job": job.name, "run_date": run.run_date, "evaluation_id": EVALUATION_ID}
        yield ledger.events_of_statement(session, job.name, run.run_date, run.run_date)
        yield evaluation.labels_statement(session, job, self.labels, scope)
        columns, key = label_columns(session, job).names, job.spec.row_key
        rules = check_rules.rules_of(session, self.labels, key, check_rules.label_checks(session, job))
        # With the last rule for the job's own labels, without it for labels of a file
        for counted in (rules, [*rules, check_rules.unknown_labels_rule(session)]):
            yield publications.keyed_profile_statement(session, self.labels, key, columns, counted)
        yield from self._offending(self.labels, rules, key)
        if not spec.item:
            yield evaluation.unknown_labels_statement(session, self.loaded, self.labels, spec.entity)
        for rows in self._scored():
            yield evaluation.metrics_statement(session, rows, self.labels, spec)
        computed = evaluation.metrics_statement(session, self._scored()[0], self.labels, spec)
        yield evaluation.record_metrics_statement(session, computed, which)
        yield evaluation.evaluation_metrics_statement(session, which)
        yield evaluation.run_metrics_statement(session, job.name, run.run_date, run.run_id)
        yield from self._drift()
        yield ledger.verdict_of_statement(session, job.name, run.run_date)
        yield from self._compare(which)
        yield evaluation.report_statement(session, job, run.run_date, run.run_date)

    def _compare(self, which: dict[str, Any]) -> Iterator[Statement]:
        session, job, run, spec = self.session, self.job, self.run, MetricSpec.of(self.job)
        computed = evaluation.metrics_statement(session, self._paired(), self.labels, replace(spec, slices=[]))
        named = {**which, "champion": self.variant}
        yield gate.record_comparisons_statement(session, computed, named)
        if job.spec.gate:
            rule = gate_rule(session.catalogue, job, job.spec.gate)
            yield gate.judge_statement(session, rule, [job.name], challengers_of(job), run.run_date)
        yield ledger.append_verdicts_statement(session, job.name, [])
        yield gate.undone_statement(session, job.name, run.run_date)
        promotion = {"variant": self.variant, "reason": "better", "decided_on": run.run_date}
        yield gate.promote_statement(session, job, {**promotion, "not_before": run.run_date})
        yield ledger.champions_of_statement(session, job.name)
        yield ledger.variants_statement(session, job.name, "")
        yield from trace_statements(session, job.name)

    def _paired(self) -> Statement:
        run, columns = self.run, MetricSpec.of(self.job).columns
        which = {"run_date": run.run_date, "run_id": run.run_id, "champion": self.variant}
        which |= {"challengers": challengers_of(self.job)[1:]}
        return gate.paired_predictions_statement(self.session, self.job, columns, which)

    def _drift(self) -> Iterator[Statement]:
        computed = {False: drift.distributions_statement(self.run, [])}
        if drift.has_label_rate(self.run):
            computed[True] = drift.label_rate_statement(self.run, self.labels)
        for of_labels, statement in computed.items():
            yield drift.record_drift_statement(self.run, statement, of_labels=of_labels)
            yield drift.drift_rows_statement(self.run, of_labels=of_labels)
