"""State of one run, from what it left behind: markers, manifests, tables and events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.runs.artefacts.examples import Counts, counted, examples_unchanged
from pipeline.runs.artefacts.failed_variants import failures_of
from pipeline.runs.artefacts.models import TrainedModel, committed_model
from pipeline.runs.artefacts.predictions import Manifest, committed_manifests, committed_shards, shard_counts
from pipeline.runs.claims import Claim
from pipeline.runs.layout import Folder
from pipeline.runs.publications import finished_among, published_slices
from pipeline.runs.run import FailedVariant, Run

DONE, PART, MISSING = "done", "part", "missing"


@dataclass(frozen=True)
class PhaseState:
    """State of one phase.

    Parameters
    ----------
    state
        `done`, `part` or `missing`.
    summary
        What is there and what is missing, in words.
    rows, seconds
        Rows and seconds on record; None if there are none.
    """

    phase: str
    state: str
    summary: str
    rows: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class RunFacts:
    """Everything that a run left behind.

    Parameters
    ----------
    variants
        Ids of the run's variants; with an older definition they differ from the job's.
    has_examples
        Whether the table of its examples still exists, unchanged.
    folders
        Number of committed shards in each folder of predictions.
    manifests, finished
        Complete sets of predictions; those of them that are published and recorded.
    failed
        Newest failures of the variants that are not published.
    """

    run: Run
    variants: Sequence[str]
    counts: Counts | None
    has_examples: bool
    models: Mapping[str, TrainedModel]
    shards: int
    folders: Mapping[str, int]
    manifests: Sequence[Manifest]
    finished: Sequence[Manifest]
    failed: Mapping[str, FailedVariant]
    events: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, run: Run, claim: Claim, events: Sequence[Mapping[str, Any]]) -> RunFacts:
        """Read what a run left behind; nothing is written."""
        variants, counts, manifests = claim.defines["variants"], counted(run), committed_manifests(run)
        facts = cls(
            run=run,
            variants=variants,
            counts=counts,
            has_examples=counts is not None and examples_unchanged(run, counts),
            models={name: model for name in variants if (model := committed_model(run, name))},
            shards=claim.defines["shards"],
            folders=shard_counts(run),
            manifests=manifests,
            finished=finished_among(manifests, events, published_slices(run)),
            failed={},
            events=events,
        )
        return replace(facts, failed=failures_of(run, facts.first_lacking(), Folder.MODELS, Folder.PREDICTIONS))

    @property
    def published(self) -> bool:
        """Tell whether this run published every variant with its own model."""
        return not self.lacking(self.finished)

    def lacking(self, manifests: Sequence[Manifest]) -> list[str]:
        """Return the variants without a manifest of the run's own model."""
        known = {(manifest.variant, manifest.model_id) for manifest in manifests}
        own = {name: model.model_id for name, model in self.models.items()}
        return [name for name in self.variants if (name, own.get(name)) not in known]

    def first_lacking(self) -> dict[str, str]:
        """Return the first phase that has not finished each variant that is not published."""
        unpredicted = self.lacking(self.manifests)
        return {
            name: "train" if name not in self.models else "predict" if name in unpredicted else "load"
            for name in self.lacking(self.finished)
        }

    @property
    def done(self) -> bool:
        """Tell whether every variant is published, or has failed without stopping the run."""
        return bool(self.finished) and set(self.lacking(self.finished)) <= set(self.failed)

    def own_events(self, event: str, phase: str = "") -> list[Mapping[str, Any]]:
        """Return the run's own events of one kind, of one phase or of all."""
        own = [row for row in self.events if row["run_id"] == self.run.run_id and row["event"] == event]
        return [row for row in own if phase in ("", row["phase"])]


def phase_states(facts: RunFacts) -> list[PhaseState]:
    """Return the states of preprocess, train, predict and load."""
    return [_preprocess(facts), _train(facts), _predict(facts), _load(facts)]


def failed_checks(facts: RunFacts) -> list[str]:
    """Return the failed checks of data, and the variants whose predictions were rejected, with numbers of rows."""
    checked = [row for row in facts.own_events("checked") if row["row_count"]]
    checks = [check for row in checked for check in json.loads(row["details"])["checks"]]
    failed = [f"{check['check']}: {check['failed']:,} wrong" for check in checks if check["failed"]]
    for name in facts.lacking(facts.manifests):
        if name not in facts.models:
            continue
        folder = facts.run.layout.predictions(name, facts.models[name].model_id)
        rejects = [shard for shard in committed_shards(facts.run, folder).values() if shard.rejected]
        if rejects:
            rows = sum(shard.rejected for shard in rejects)
            failed.append(f"{name}: {rows:,} predictions rejected, see {rejects[0].rejects}")
    return failed


def _preprocess(facts: RunFacts) -> PhaseState:
    counts = facts.counts
    if counts is None:
        return PhaseState("preprocess", MISSING, "no examples yet")
    summary = f"{counts.training_rows:,} rows to train on, {counts.scoring_rows:,} to score"
    if not facts.has_examples:
        summary += f"; {facts.run.table('examples')} is gone"
    state = DONE if facts.has_examples or facts.published else PART
    return PhaseState("preprocess", state, summary, counts.row_count, _seconds(facts, "done", "preprocess"))


def _train(facts: RunFacts) -> PhaseState:
    missing = [name for name in facts.variants if name not in facts.models]
    summary = f"{len(facts.models)} of {len(facts.variants)} variants"
    if missing and facts.models:
        summary += f"; missing: {', '.join(missing)}"
    rows = max((model.training_rows for model in facts.models.values()), default=None)
    return PhaseState("train", _state(facts, missing), summary, rows, _seconds(facts, "done", "train"))


def _predict(facts: RunFacts) -> PhaseState:
    missing, manifests = facts.lacking(facts.manifests), facts.manifests
    summary = f"{len(facts.variants) - len(missing)} of {len(facts.variants)} variants"
    for name in missing:
        model = facts.models.get(name)
        shards = facts.folders.get(facts.run.layout.predictions(name, model.model_id), 0) if model else 0
        summary += f"; {name}: {shards} of {facts.shards} shards" if shards else ""
    state = PART if facts.folders and missing else _state(facts, missing)
    if not manifests:
        return PhaseState("predict", state, summary)
    rows, seconds = sum(manifest.rows for manifest in manifests), sum(manifest.seconds for manifest in manifests)
    return PhaseState("predict", state, summary, rows, round(seconds, 3))


def _load(facts: RunFacts) -> PhaseState:
    missing = facts.lacking(facts.finished)
    rows, written = (sum(manifest.rows for manifest in group) for group in (facts.finished, facts.manifests))
    summary = f"{len(facts.variants) - len(missing)} of {len(facts.variants)} variants published"
    summary += f", {rows:,} of {written:,} rows" if facts.manifests else ""
    return PhaseState("load", _state(facts, missing), summary, rows or None, _seconds(facts, "published", "load"))


def _state(facts: RunFacts, missing: Sequence[str]) -> str:
    if not missing:
        return DONE
    return MISSING if len(missing) == len(facts.variants) else PART


def _seconds(facts: RunFacts, event: str, phase: str) -> float | None:
    seconds = [row["seconds"] for row in facts.own_events(event, phase) if row["seconds"] is not None]
    return round(sum(seconds), 3) if seconds else None
