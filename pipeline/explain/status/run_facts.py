"""How far a run is, read from what it left: markers, manifests, tables and events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.runs.artefacts.examples import Counts, counted, examples_stand
from pipeline.runs.artefacts.models import TrainedModel, committed_model
from pipeline.runs.artefacts.predictions import (
    Manifest,
    ShardFile,
    committed_manifests,
    committed_shards,
    shard_counts,
)
from pipeline.runs.claims import Claim
from pipeline.runs.publications import finished_among, published_slices
from pipeline.runs.run import Run

DONE, PART, MISSING = "done", "part", "missing"


@dataclass(frozen=True)
class PhaseState:
    """How far one phase is.

    Parameters
    ----------
    state
        `done`, `part` or `missing`.
    said
        What there is to say of it.
    rows, seconds
        What the ledger says; None where it says nothing.
    """

    phase: str
    state: str
    said: str
    rows: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class RunFacts:
    """What a run left.

    Parameters
    ----------
    variants
        Ids of the run's variants; an older definition has others than the job.
    counts
        What the marker of its examples says.
    stands
        Whether their table is still there.
    models
        Committed models by variant.
    shards, folders
        Shards of a complete set; how many are committed in each folder of predictions.
    manifests, finished
        Complete sets of predictions; those that are published and recorded.
    events
        The ledger's events of the run date.
    """

    run: Run
    variants: Sequence[str]
    counts: Counts | None
    stands: bool
    models: Mapping[str, TrainedModel]
    shards: int
    folders: Mapping[str, int]
    manifests: Sequence[Manifest]
    finished: Sequence[Manifest]
    events: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, run: Run, claim: Claim, events: Sequence[Mapping[str, Any]]) -> RunFacts:
        """Look at what a run left; nothing is changed."""
        variants, counts = claim.defines["variants"], counted(run)
        models = {name: model for name in variants if (model := committed_model(run, name))}
        manifests = committed_manifests(run)
        return cls(
            run=run,
            variants=variants,
            counts=counts,
            stands=counts is not None and examples_stand(run, counts),
            models=models,
            shards=claim.defines["shards"],
            folders=shard_counts(run),
            manifests=manifests,
            finished=finished_among(manifests, events, published_slices(run)),
            events=events,
        )

    @property
    def published(self) -> bool:
        """Tell whether every variant is published from this run, by its own model."""
        return not _lacking(self, self.finished)


def phase_states(facts: RunFacts) -> list[PhaseState]:
    """Return how far the phases up to the publication are."""
    return [_preprocess(facts), _train(facts), _predict(facts), _load(facts)]


def failed_checks(facts: RunFacts) -> list[str]:
    """Return the checks of a run that failed, with the number of rows: of its data, and of what models answered."""
    checked = [row for row in _events(facts, "checked") if row["row_count"]]
    checks = [check for row in checked for check in json.loads(row["details"])["checks"]]
    failed = [f"{check['check']}: {check['failed']:,} wrong" for check in checks if check["failed"]]
    return failed + _rejected(facts)


def _rejected(facts: RunFacts) -> list[str]:
    """Return the variants whose predictions were refused and that have no complete set since."""
    own = [(name, facts.models[name]) for name in _lacking(facts, facts.manifests) if name in facts.models]
    rejects = {name: _rejects(facts, name, model) for name, model in own}
    counted = {name: sum(shard.rejected for shard in shards) for name, shards in rejects.items() if shards}
    return [f"{name}: {rows:,} predictions rejected, see {rejects[name][0].rejects}" for name, rows in counted.items()]


def _rejects(facts: RunFacts, variant: str, model: TrainedModel) -> list[ShardFile]:
    """Return the committed shards of a model that have rejected rows."""
    folder = facts.run.layout.predictions(variant, model.model_id)
    return [shard for shard in committed_shards(facts.run, folder).values() if shard.rejected]


def _preprocess(facts: RunFacts) -> PhaseState:
    table, counts = facts.run.table("examples"), facts.counts
    if counts is None:
        return PhaseState("preprocess", MISSING, "no examples yet")
    rows = f"{counts.training_rows:,} rows to train on, {counts.scoring_rows:,} to score"
    said = rows if facts.stands else f"{rows}; {table} is gone"
    state = DONE if facts.stands or facts.published else PART
    return PhaseState("preprocess", state, said, counts.row_count, _seconds(facts, "preprocess"))


def _train(facts: RunFacts) -> PhaseState:
    missing = [name for name in facts.variants if name not in facts.models]
    rows = max((model.training_rows for model in facts.models.values()), default=None)
    said = f"{len(facts.models)} of {len(facts.variants)} variants" + _named(missing if facts.models else [])
    return PhaseState("train", _state(facts, missing), said, rows, _seconds(facts, "train"))


def _predict(facts: RunFacts) -> PhaseState:
    missing = _lacking(facts, facts.manifests)
    done = len(facts.variants) - len(missing)
    said = f"{done} of {len(facts.variants)} variants"
    for name in missing:
        model = facts.models.get(name)
        shards = facts.folders.get(facts.run.layout.predictions(name, model.model_id), 0) if model else 0
        said += f"; {name}: {shards} of {facts.shards} shards" if shards else ""
    rows = sum(manifest.rows for manifest in facts.manifests) if facts.manifests else None
    state = PART if facts.folders and missing else _state(facts, missing)
    return PhaseState("predict", state, said, rows, _predict_seconds(facts))


def _load(facts: RunFacts) -> PhaseState:
    missing = _lacking(facts, facts.finished)
    rows, written = (sum(each.rows for each in sets) for sets in (facts.finished, facts.manifests))
    said = f"{len(facts.variants) - len(missing)} of {len(facts.variants)} variants published"
    said += f", {rows:,} of {written:,} rows" if facts.manifests else ""
    return PhaseState("load", _state(facts, missing), said, rows or None, _seconds(facts, "load"))


def _lacking(facts: RunFacts, sets: Sequence[Manifest]) -> list[str]:
    """Return the variants for which the run's own model has no such set."""
    known = {(manifest.variant, manifest.model_id) for manifest in sets}
    own = {name: model.model_id for name, model in facts.models.items()}
    return [name for name in facts.variants if (name, own.get(name)) not in known]


def _state(facts: RunFacts, missing: Sequence[str]) -> str:
    if not missing:
        return DONE
    return MISSING if len(missing) == len(facts.variants) else PART


def _named(missing: Sequence[str]) -> str:
    return f"; not {', '.join(missing)}" if missing else ""


def _events(facts: RunFacts, event: str, phase: str = "") -> list[Mapping[str, Any]]:
    own = [row for row in facts.events if row["run_id"] == facts.run.run_id and row["event"] == event]
    return [row for row in own if phase in ("", row["phase"])]


def _predict_seconds(facts: RunFacts) -> float | None:
    """Return what the sets took that are complete, be they loaded and recorded or not."""
    return round(sum(each.seconds for each in facts.manifests), 3) if facts.manifests else None


def _seconds(facts: RunFacts, phase: str) -> float | None:
    rows = _events(facts, "published" if phase == "load" else "done", phase)
    known = [row["seconds"] for row in rows if row["seconds"] is not None]
    return round(sum(known), 3) if known else None
