"""A whole life of a job on paper: every statement in the order in which runs send them, with sample values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.evaluation import drift_statements, gate_statements
from pipeline.evaluation import statements as evaluation_statements
from pipeline.evaluation.comparisons import challengers_of
from pipeline.explain.dashboard import statements as dashboard_statements
from pipeline.explain.trace import statements as trace_statements
from pipeline.models.id_maps import ID_MAP
from pipeline.operate.doctor import statements as doctor_statements
from pipeline.operate.sql import leak_statements
from pipeline.project.gate_rule import gate_rule
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs import check_rules, publication_statements
from pipeline.runs import tables as places
from pipeline.runs.artefacts import examples_statements
from pipeline.runs.identity import run_definition, run_id_of
from pipeline.runs.job_statements import QueryScope, job_query, label_columns, source_tables
from pipeline.runs.ledger import statements as ledger_statements
from pipeline.runs.ledger.statements import append_verdicts_statement
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.runs.tables import PARTITION, SLICE_COLUMNS
from pipeline.sql import Statement, TableName

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
        asked = QueryScope(run.run_date, first, run.run_date, run.as_of, run.snapshot_at)
        for step in (spec.examples, spec.labels):
            yield job_query(self.session, self.job, step, asked)
        yield from self._judged()
        yield self._paired()

    def _judged(self) -> tuple[Statement, ...]:
        session, run, columns = self.session, self.run, MetricSpec.of(self.job).columns
        published = session.target.table(self.job.predictions_table)
        return (
            publication_statements.published_slice_statement(session, published, columns, run.run_date, run.run_id),
            publication_statements.published_span_statement(session, published, columns, {run.run_date: run.run_id}),
            publication_statements.staged_predictions_statement(session, self.loaded, columns, "staged"),
        )

    def sent(self) -> Iterator[Statement]:
        """Return every statement that is sent."""
        yield from self.life()
        yield from self._leak_test()
        yield from self._models()
        yield ledger_statements.clock_statement(self.session, self.run.snapshot_at)
        yield doctor_statements.account_statement(self.session)
        yield doctor_statements.new_table_statement(self.session, self.session.target.runs_dataset)

    def life(self) -> Iterator[Statement]:
        """Return the statements of runs and evaluations."""
        yield from self._setup()
        yield from self._preprocess()
        yield from self._load()
        yield from self._evaluate()
        yield from dashboard_statements.page_statements(
            self.session, self.job.name, self.run.run_date, self.run.run_date
        )

    def _setup(self) -> Iterator[Statement]:
        yield from (place.statement for place in places.functions(self.session))
        yield from (place.statement for place in places.tables_and_views(self.session, self.job))
        yield from (place.statement for place in places.dashboard_views(self.session))
        yield ledger_statements.run_start_statement(self.session, self.job.name, self.run.run_date)

    def _preprocess(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        yield examples_statements.examples_statement(run)
        table, key = run.table("examples"), job.spec.row_key
        rules = check_rules.rules_of(session, table, key, check_rules.example_checks(session, job))
        yield examples_statements.examples_profile_statement(run, rules)
        yield from self._offending(table, rules, key)
        for name, table in source_tables(session, job).items():
            known_at = job.spec.sources[name].known_at
            if known_at:
                yield examples_statements.source_range_statement(session, table, known_at)
        yield ledger_statements.append_events_statement(session, run.run_date, [])
        yield ledger_statements.append_models_statement(session, job.name, run.run_date, run.run_id, [])

    def _models(self) -> Iterator[Statement]:
        """Yield what only some models need: id<->index tables, and a look whether the ledger knows one."""
        session, run, model_id = self.session, self.run, "0123456789abcdef"
        rules = check_rules.rules_of(session, self.id_map, ["index"], [])
        yield publication_statements.keyed_profile_statement(session, self.id_map, ["index"], ID_MAP.names, rules)
        yield publication_statements.replace_id_map_statement(
            session, self.job, run.run_date, self.id_map, model_id, "users"
        )
        yield publication_statements.id_map_rows_statement(session, self.job.name, run.run_date)
        yield ledger_statements.known_models_statement(session, [])

    def _offending(
        self, table: TableName, rules: Sequence[check_rules.Rule], key: Sequence[str]
    ) -> Iterator[Statement]:
        for rule in rules:
            if rule.condition:
                yield check_rules.offending_rows_statement(self.session, table, key, rule.condition)

    def _load(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        key, columns = job.spec.prediction_key, job.prediction_schema.names
        rules = check_rules.rules_of(session, self.loaded, key, check_rules.prediction_checks(session, job))
        yield publication_statements.keyed_profile_statement(session, self.loaded, key, columns, rules)
        yield from self._offending(self.loaded, rules, key)
        values = {
            "run_date": run.run_date,
            "run_id": run.run_id,
            "model_id": "0123456789abcdef",
            "variant": self.variant,
            "generation": run.generation,
        }
        yield publication_statements.publish_statement(session, job, self.loaded, values)
        yield publication_statements.published_statement(session, job, run.run_date, run.run_date)
        yield ledger_statements.append_champion_statement(session, job.name, self.variant, run.run_date, "first")
        yield ledger_statements.append_verdict_statement(
            session, job.name, run.run_date, self.variant, "first", "first"
        )

    def _evaluate(self) -> Iterator[Statement]:
        session, job, run, spec = self.session, self.job, self.run, MetricSpec.of(self.job)
        moment: datetime = job.as_of(run.run_date + timedelta(days=job.spec.labels.delay_days))
        asked = QueryScope(run.run_date, run.run_date, run.run_date, moment)
        which: dict[str, Any] = {"job": job.name, "run_date": run.run_date, "evaluation_id": "0123456789abcdef"}
        yield ledger_statements.events_of_statement(session, job.name, run.run_date, run.run_date)
        yield evaluation_statements.labels_statement(session, job, self.labels, asked)
        columns, key = label_columns(session, job).names, job.spec.row_key
        rules = check_rules.rules_of(session, self.labels, key, check_rules.label_checks(session, job))
        for counted in (
            rules,
            [*rules, check_rules.unknown_labels_rule(session)],
        ):  # labels of somebody else, and the job's
            yield publication_statements.keyed_profile_statement(session, self.labels, key, columns, counted)
        yield from self._offending(self.labels, rules, key)
        if not spec.item:
            yield evaluation_statements.unknown_labels_statement(session, self.loaded, self.labels, spec.entity)
        for rows in self._judged():
            yield evaluation_statements.metrics_statement(session, rows, self.labels, spec)
        computed = evaluation_statements.metrics_statement(session, self._judged()[0], self.labels, spec)
        digest = session.catalogue.get(spec.asset).digest
        yield evaluation_statements.record_metrics_statement(session, computed, which, spec.asset, digest)
        yield evaluation_statements.evaluation_metrics_statement(session, which)
        yield evaluation_statements.run_metrics_statement(session, job.name, run.run_date, run.run_id)
        yield from self._drift()
        yield ledger_statements.verdict_of_statement(session, job.name, run.run_date)
        yield from self._compare(which, digest)
        yield evaluation_statements.report_statement(session, job, run.run_date, run.run_date)

    def _compare(self, which: dict[str, Any], digest: str) -> Iterator[Statement]:
        session, job, run, spec = self.session, self.job, self.run, MetricSpec.of(self.job)
        computed = evaluation_statements.metrics_statement(
            session, self._paired(), self.labels, replace(spec, slices=[])
        )
        named = {**which, "champion": self.variant}
        yield gate_statements.record_comparisons_statement(session, computed, named, spec.asset, digest)
        if job.spec.gate:
            rule = gate_rule(session.catalogue, job, job.spec.gate)
            yield gate_statements.judge_statement(session, rule, [job.name], challengers_of(job), run.run_date)
        yield append_verdicts_statement(session, job.name, [])
        yield gate_statements.undone_statement(session, job.name, run.run_date)
        promotion = {"variant": self.variant, "reason": "better", "decided_on": run.run_date}
        yield gate_statements.promote_statement(session, job, {**promotion, "not_before": run.run_date})
        yield ledger_statements.champions_of_statement(session, job.name)
        yield ledger_statements.variants_statement(session, job.name, "")
        yield from trace_statements.trace_statements(session, job.name)

    def _paired(self) -> Statement:
        pairing = gate_statements.Pairing(
            self.run.run_date, self.run.run_id, self.variant, challengers_of(self.job)[1:]
        )
        published = self.session.target.table(self.job.predictions_table)
        columns = MetricSpec.of(self.job).columns
        return gate_statements.paired_predictions_statement(self.session, self.job, published, columns, pairing)

    def _drift(self) -> Iterator[Statement]:
        measured = {False: drift_statements.distributions_statement(self.run, [])}
        if drift_statements.has_label_rate(self.run):
            measured[True] = drift_statements.label_rate_statement(self.run, self.labels)
        for of_labels, computed in measured.items():
            yield drift_statements.record_drift_statement(self.run, computed, of_labels=of_labels)
            yield drift_statements.drift_rows_statement(self.run, of_labels=of_labels)

    def _leak_test(self) -> Iterator[Statement]:
        session, job, run = self.session, self.job, self.run
        asked = QueryScope(run.run_date, run.run_date, run.run_date, run.as_of)
        own = source_tables(session, job)
        for name, source in job.spec.sources.items():
            if source.known_at:
                own[name] = run.table(f"leak__cut__{name}")
                yield leak_statements.cut_source_statement(session, job, name, own[name], run.as_of)
        for kind, step in (("examples", job.spec.examples), ("labels", job.spec.labels)):
            one, other = (run.table(f"leak__{kind}_{side}") for side in ("one", "other"))
            for table in (one, other):
                yield leak_statements.copy_statement(session, job, step, table, asked, own)
            pair = leak_statements.Pair(one, other, session.catalogue.get(step.sql).columns, job.spec.row_key)
            yield from self._comparisons(pair)
            if step is job.spec.examples:
                yield leak_statements.moments_statement(session, one)
                yield from self._comparisons(replace(pair, moment=run.as_of))

    def _comparisons(self, pair: leak_statements.Pair) -> Iterator[Statement]:
        yield leak_statements.compare_statement(self.session, pair)
        kinds = {leak_statements.difference(self.session, pair, column).asset.name: column for column in pair.compared}
        for column in kinds.values():
            yield leak_statements.example_key_statement(self.session, pair, column)
