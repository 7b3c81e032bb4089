"""What is left of one run or of two, from claims, markers, bundles and the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import CheckError, RequestError
from pipeline.evaluation.metric_statements import run_metrics_statement
from pipeline.explain.changes import Change
from pipeline.models.bundle import BundleInfo, stored_training_data, verify
from pipeline.models.fetch import fetch_bundle
from pipeline.project.project import Job, variant_name
from pipeline.runs.artefacts.examples import Counts, counted
from pipeline.runs.artefacts.models import TrainedModel, committed_info, models_by_marker
from pipeline.runs.artefacts.predictions import Manifest, committed_manifests
from pipeline.runs.claims import Claim, claims_of
from pipeline.runs.identity import RunName
from pipeline.runs.layout import Folder
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import run_of, run_without_claim
from pipeline.runs.run import Run
from pipeline.runs.session import Session

PROJECT = ("jobs/", "sql/", "udf/")
"""Folders of a bundle with the files of the project that made it."""


@dataclass(frozen=True)
class KeptBundle:
    """A verified bundle in a local folder; its files are read, and its model is never unpickled."""

    info: BundleInfo
    folder: Path

    def texts(self, suffix: str) -> dict[str, str]:
        """Return the texts of the project files with a suffix, by their paths in the bundle."""
        names = [name for name in self.info.files if name.startswith(PROJECT) and name.endswith(suffix)]
        return {name: (self.folder / name).read_text(encoding="utf-8") for name in sorted(names)}

    def training_frame(self) -> pd.DataFrame | None:
        """Return the rows that the model was fitted on, shape (rows, columns); None if the bundle lacks them."""
        data = stored_training_data(self.folder)
        return data.frame if data else None


@dataclass(frozen=True)
class RunBundles:
    """What could be read of a run's bundles.

    Parameters
    ----------
    infos
        Content of `bundle.json`, by variant.
    whole
        The first complete bundle: all bundles of a run hold the same project files and training rows.
    errors
        Why others could not be read.
    """

    infos: Mapping[str, BundleInfo]
    whole: KeptBundle | None
    errors: Sequence[str]

    @property
    def info(self) -> BundleInfo | None:
        """One of the infos, for what all bundles share."""
        return next(iter(self.infos.values()), None)


@dataclass(frozen=True)
class RunRecord:
    """What is left of a run.

    Parameters
    ----------
    run
        Names its tables and objects; without a claim, its generation and snapshot are placeholders.
    claim
        What it fixed when it started; None if the claim is gone.
    published
        Rows that it published, by variant, even if a later run replaced them.
    metrics
        Overall metrics of its latest evaluation: variant, metric, n and value.
    """

    name: RunName
    run: Run
    claim: Claim | None
    counts: Counts | None
    models: Mapping[str, TrainedModel]
    bundles: RunBundles
    manifests: Sequence[Manifest]
    published: Mapping[str, int]
    metrics: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, session: Session, job: Job, name: RunName, folder: Path) -> RunRecord:
        """Read what a run left.

        Parameters
        ----------
        folder
            Empty folder into which a bundle is fetched; it has to exist while the record is used.

        Raises
        ------
        RequestError
            There is no such run.
        """
        claim, day = _claim_of(session, job, name), name.run_date
        run = run_of(session, job, day, claim) if claim else run_without_claim(session, job, day, name.run_id)
        models = {model.variant: model for model in models_by_marker(run)}
        events = [row for row in Ledger(session, name.job).events(day, day) if row["run_id"] == name.run_id]
        return cls(
            name=name,
            run=run,
            claim=claim,
            counts=counted(run),
            models=models,
            bundles=_read_bundles(models.values(), session, folder),
            manifests=committed_manifests(run),
            published={row["variant"]: row["row_count"] or 0 for row in events if row["event"] == "published"},
            metrics=session.warehouse.rows(run_metrics_statement(session, name.job, day, name.run_id)),
        )

    @property
    def variants(self) -> dict[str, str]:
        """Ids of variants by name: the claimed ones, or those that have a model if the claim is gone."""
        ids = self.claim.defines["variants"] if self.claim else sorted(self.models)
        return {variant_name(variant): variant for variant in ids}


def _claim_of(session: Session, job: Job, name: RunName) -> Claim | None:
    """Return the claim of a run; None if it is gone but artefacts of the run are left."""
    layout, folders = session.layout(job.name), (Folder.ATTEMPTS, Folder.MODELS, Folder.PREDICTIONS)
    left = [session.store.folders(layout.folder(folder, name.run_date)) for folder in folders]
    if not any(left):
        message = f"{name.run_id}: no such run: {job.name} has none of {name.run_date}"
        raise RequestError(message, hint=f"pipeline status {job.name} shows the run dates")
    claims = {claim.run_id: claim for claim in claims_of(session, job, name.run_date)}
    if name.run_id not in claims and not any(name.run_id in names for names in left):
        hint = f"the runs of that date are: {', '.join(claims) or 'none'}"
        raise RequestError(f"{name.run_id}: no such run", hint=hint)
    return claims.get(name.run_id)


def _read_bundles(models: Iterable[TrainedModel], session: Session, folder: Path) -> RunBundles:
    """Fetch one whole bundle, and only `bundle.json` of the others."""
    infos: dict[str, BundleInfo] = {}
    whole: KeptBundle | None = None
    errors: list[str] = []
    for number, model in enumerate(models):
        place = folder / str(number)
        try:
            info = infos[model.variant] = committed_info(model, session.store, place)
            if whole is None:
                verify(fetch_bundle(model.uri, session.store, place), info, model.uri)
                whole = KeptBundle(info, place)
        except (RequestError, CheckError) as error:  # the other bundles are compared, and the answer says so
            errors.append(f"bundle of {model.variant}: {error.what}")
    return RunBundles(infos, whole, errors)


@dataclass(frozen=True)
class Group:
    """One area in which two runs can differ.

    Parameters
    ----------
    changes
        What differs.
    not_compared
        What could not be compared, in words.
    decides
        Whether a change can change predictions.
    """

    name: str
    changes: Sequence[Change]
    not_compared: Sequence[str] = ()
    decides: bool = True

    @property
    def state(self) -> str:
        """`differs`, `the same`, or `not compared` if a part is missing and the rest is the same."""
        return "differs" if self.changes else "not compared" if self.not_compared else "the same"


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
        """Return both definitions or a part of both; both are empty unless both claims are there."""
        if self.a.claim is None or self.b.claim is None:
            return {}, {}
        a, b = self.a.claim.defines, self.b.claim.defines
        return (a[part], b[part]) if part else (a, b)

    def texts(self, suffix: str) -> tuple[dict[str, str], dict[str, str]] | None:
        """Return the project files with a suffix, by path, of both runs; None unless both have a whole bundle."""
        a, b = self.a.bundles.whole, self.b.bundles.whole
        return (a.texts(suffix), b.texts(suffix)) if a and b else None

    def without_claim(self) -> list[str]:
        """Return a line for each run whose claim is gone."""
        return [f"{letter}: its claim is gone" for letter, record in self.sides.items() if record.claim is None]

    def without_bundle(self, part: str) -> list[str]:
        """Return a line for each run that has no whole bundle from which to read a part, with the reason."""
        return [
            f"{letter}: {part}: {'; '.join(record.bundles.errors) or 'no model was committed'}"
            for letter, record in self.sides.items()
            if record.bundles.whole is None
        ]
