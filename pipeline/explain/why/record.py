"""What is left of one run, for whoever asks where its numbers come from. It only reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import CheckError, RequestError
from pipeline.evaluation.statements import run_metrics_statement
from pipeline.explain.changes import Change
from pipeline.explain.kept_bundle import KeptBundle, fetch_kept
from pipeline.models.bundle import BundleInfo
from pipeline.project.project import Job
from pipeline.runs.artefacts.examples import Counts, counted
from pipeline.runs.artefacts.models import TrainedModel, committed_info, models_there
from pipeline.runs.artefacts.predictions import Manifest, committed_manifests
from pipeline.runs.claims import Claim, claims_of
from pipeline.runs.identity import RunName
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import run_of, run_without_claim
from pipeline.runs.run import Run
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Kept:
    """What could be read of a run's bundles.

    Parameters
    ----------
    infos
        What `bundle.json` says, by variant.
    bundle
        The first bundle that is whole: all of a run hold the same project files and training rows.
    lost
        What could not be read, in words.
    """

    infos: Mapping[str, BundleInfo]
    bundle: KeptBundle | None
    lost: Sequence[str]

    @property
    def info(self) -> BundleInfo | None:
        """What any of them says of what all share."""
        return next(iter(self.infos.values()), None)


@dataclass(frozen=True)
class RunRecord:
    """What is left of a run.

    Parameters
    ----------
    run
        Names its places; without a claim, its generation and snapshot are placeholders.
    claim
        What it fixed when it started; None where the claim is gone.
    counts
        Rows of its examples, if they were made.
    models
        Committed models by variant.
    kept
        What could be read of their bundles.
    manifests
        Complete sets of predictions.
    published
        Rows of each variant that it published, whatever was published since.
    metrics
        Overall metrics of its latest evaluation: variant, metric, n and value.
    """

    name: RunName
    run: Run
    claim: Claim | None
    counts: Counts | None
    models: Mapping[str, TrainedModel]
    kept: Kept
    manifests: Sequence[Manifest]
    published: Mapping[str, int]
    metrics: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, session: Session, job: Job, name: RunName, folder: Path) -> RunRecord:
        """Look at what a run left.

        Parameters
        ----------
        folder
            Empty folder into which a bundle is fetched; it has to stay while the record is used.

        Raises
        ------
        RequestError
            There is no such run.
        """
        claim = _claim_of(session, job, name)
        run = _run(session, job, name, claim)
        models = {model.variant: model for model in models_there(run)}
        return cls(
            name=name,
            run=run,
            claim=claim,
            counts=counted(run),
            models=models,
            kept=_kept(models.values(), session, folder),
            manifests=committed_manifests(run),
            published=_published(session, name),
            metrics=session.warehouse.rows(run_metrics_statement(session, name.job, name.run_date, name.run_id)),
        )

    @property
    def variants(self) -> dict[str, str]:
        """Ids of the variants by name: those that were claimed, or that have a model where the claim is gone."""
        ids = self.claim.defines["variants"] if self.claim else sorted(self.models)
        return {variant.partition("@")[0]: variant for variant in ids}


def _claim_of(session: Session, job: Job, name: RunName) -> Claim | None:
    """Return the claim of a run; None where it is gone though the run left something."""
    store, day = session.store, str(name.run_date)
    left = [store.folders(store.uri(job.name, kind, day, "")) for kind in ("attempts", "models", "predictions")]
    if not any(left):
        what = f"{name.run_id}: no such run; nothing was done of {job.name} on {day}"
        raise RequestError(what, hint=f"pipeline status {job.name} shows the run dates")
    claims = {claim.run_id: claim for claim in claims_of(session, job, name.run_date)}
    if name.run_id not in claims and not any(name.run_id in folders for folders in left):
        what = f"{name.run_id}: no such run"
        raise RequestError(what, hint=f"the runs of that date are: {', '.join(claims) or 'none'}")
    return claims.get(name.run_id)


def _run(session: Session, job: Job, name: RunName, claim: Claim | None) -> Run:
    if claim:
        return run_of(session, job, name.run_date, claim)
    return run_without_claim(session, job, name.run_date, name.run_id)


def _kept(models: Iterable[TrainedModel], session: Session, folder: Path) -> Kept:
    """Fetch one whole bundle, and of the others what they say of themselves."""
    infos: dict[str, BundleInfo] = {}
    bundle: KeptBundle | None = None
    lost: list[str] = []
    for number, model in enumerate(models):
        place = folder / str(number)
        try:
            info = infos[model.variant] = committed_info(model, session.store, place)
            bundle = bundle or fetch_kept(model, info, session.store, place)
        except (RequestError, CheckError) as error:  # the comparison goes on with what is left, and says so
            lost.append(f"bundle of {model.variant}: {error.what}")
    return Kept(infos, bundle, lost)


def _published(session: Session, name: RunName) -> dict[str, int]:
    events = Ledger(session, name.job).events(name.run_date, name.run_date)
    own = [row for row in events if row["run_id"] == name.run_id and row["event"] == "published"]
    return {row["variant"]: row["row_count"] or 0 for row in own}


@dataclass(frozen=True)
class Group:
    """One kind of things in which two runs can differ.

    Parameters
    ----------
    changes
        What differs.
    lost
        What could not be compared, in words.
    decides
        Whether it can change predictions; the others are circumstances.
    """

    name: str
    changes: Sequence[Change]
    lost: Sequence[str] = ()
    decides: bool = True

    @property
    def state(self) -> str:
        """`differs`, `the same`, or `not compared` where something is lost and nothing else differs."""
        return "differs" if self.changes else "not compared" if self.lost else "the same"


@dataclass(frozen=True)
class Pair:
    """What is left of two runs."""

    a: RunRecord
    b: RunRecord

    @property
    def sides(self) -> dict[str, RunRecord]:
        """The runs by the letters under which they are shown."""
        return {"A": self.a, "B": self.b}

    def defined(self, part: str = "") -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return both definitions or a part of them; nothing of either unless both claims are there."""
        if self.a.claim is None or self.b.claim is None:
            return {}, {}
        a, b = self.a.claim.defines, self.b.claim.defines
        return (a[part], b[part]) if part else (a, b)

    def texts(self, ending: str) -> tuple[dict[str, str], dict[str, str]] | None:
        """Return the project's files of both runs as their bundles hold them, or None unless both do."""
        a, b = self.a.kept.bundle, self.b.kept.bundle
        return (a.texts(ending), b.texts(ending)) if a and b else None

    def unclaimed(self) -> list[str]:
        """Say which run's claim is gone."""
        return [f"{letter}: its claim is gone" for letter, record in self.sides.items() if record.claim is None]

    def unread(self, what: str) -> list[str]:
        """Say which run has no bundle to read something from, and why."""
        return [
            f"{letter}: {what}: {'; '.join(record.kept.lost) or 'no model was committed'}"
            for letter, record in self.sides.items()
            if record.kept.bundle is None
        ]
