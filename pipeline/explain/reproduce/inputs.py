"""Inputs of a model, in its bundle and in this project: SQL, configuration, code, libraries and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.explain.changes import Change, changed_files, changes_of
from pipeline.explain.reproduce.outcome import NOT_COMPARED, Item
from pipeline.explain.reproduce.rows import Side
from pipeline.models.bundle import BundleInfo
from pipeline.models.interface import SEEDS
from pipeline.project.code import digest_of_code, imported_modules, job_files, library_versions
from pipeline.project.project import Job
from pipeline.runs.identity import as_written, run_definition

OWN_ITEMS = ("sql", "variants", "code")
"""Parts of a run definition that have an item of their own, or that concern other variants too."""


def input_items(info: BundleInfo, then: Side, now: Side) -> Iterator[Item]:
    """Compare the inputs of a model with this project."""
    if now.is_bundle and then.job:
        reason = "this project has no such job: the bundle's own files are used"
        yield from (Item(name, NOT_COMPARED, reason) for name in ("SQL", "configuration", "code"))
    elif then.job and now.job:
        yield _sql(info, then, now)
        summary = then.variant.id if then.variant else ""
        yield Item.of("configuration", summary, changes_of(_definition(then), _definition(now)))
        yield _code(info, then.job, now.job)
    modules = imported_modules(now.job) if now.job else info.content["imports"]
    libraries = info.content["libraries"]
    yield Item.of("libraries", _pairs(libraries), changes_of(libraries, library_versions(modules)))
    yield Item.of("seeds", _pairs(SEEDS), changes_of(info.content["seeds"], SEEDS))


def _sql(info: BundleInfo, then: Side, now: Side) -> Item:
    """Compare statements by digest: a digest ignores comments."""
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    digests = info.content["sql_digests"]
    for name, digest in digests.items():
        exists = now.session.catalogue.has(name)
        if exists and now.session.catalogue.get(name).digest == digest:
            continue
        old |= _texts(then, name)
        new |= _texts(now, name) if exists else {}
    summary = ", ".join(f"{as_written(name)} {digest}" for name, digest in digests.items())
    return Item.of("SQL", summary, changed_files(old, new))


def _texts(side: Side, name: str) -> dict[str, str]:
    """Return the text of a statement and of its functions, by name."""
    asset = side.session.catalogue.get(name)
    return {as_written(part.name): part.text for part in (asset, *asset.functions)}


def _definition(side: Side) -> dict[str, Any]:
    """Return the configuration of a model: its run definition without SQL and code, and its own variant."""
    if side.job is None:
        return {}
    definition = run_definition(side.job, side.session.catalogue)
    parts = {name: part for name, part in definition.items() if name not in OWN_ITEMS}
    return parts | {"variant": side.variant.config.model_dump() if side.variant else {}}


def _code(info: BundleInfo, then: Job, now: Job) -> Item:
    changes = [*changed_files(job_files(then, ".py"), job_files(now, ".py"))]
    old, new, commit = info.content["code_digest"], digest_of_code(now), info.content["commit"]
    if not changes and old != new:
        note = "the files are equal: the libraries or the engine's contract differ"
        changes.append(Change("digest of code and libraries", "changed", old, new, note))
    return Item.of("code", f"{old}, commit {commit}" if commit else old, changes)


def _pairs(values: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
