"""What a model is made of, then and now: SQL, configuration, code, libraries and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.explain.changes import Change, changed_files, changes_of
from pipeline.explain.reproduce.outcome import NOT_COMPARED, Item
from pipeline.explain.reproduce.rows import Side
from pipeline.models.bundle import BundleInfo
from pipeline.models.contract import SEEDS
from pipeline.project.code import digest_of_code, imported_modules, job_files, library_versions
from pipeline.project.project import Job
from pipeline.runs.identity import as_written, run_definition

OWN_ITEMS = ("sql", "variants", "code")
"""Parts of a run's definition that are items of their own here, or say nothing of one model."""


def input_items(info: BundleInfo, then: Side, now: Side) -> Iterator[Item]:
    """Compare what a model was made of with what is here."""
    if now.is_bundle and then.job:
        said = "the project here has no such job: the bundle's own files are used"
        yield from (Item(name, NOT_COMPARED, said) for name in ("SQL", "configuration", "code"))
    elif then.job and now.job:
        yield _sql(info, then, now)
        yield _configuration(then, now)
        yield _code(info, then.job, now.job)
    yield _libraries(info, now)
    yield Item.of("seeds", _pairs(SEEDS), [*changes_of(info.content["seeds"], SEEDS)])


def _sql(info: BundleInfo, then: Side, now: Side) -> Item:
    """Statements of one digest are the same, whatever their comments."""
    texts: list[dict[str, str]] = [{}, {}]
    for name, digest in info.content["sql_digests"].items():
        there = now.session.catalogue.has(name)
        if there and now.session.catalogue.get(name).digest == digest:
            continue
        texts[0] |= _texts(then, name)
        texts[1] |= _texts(now, name) if there else {}
    digests = info.content["sql_digests"].items()
    said = ", ".join(f"{as_written(name)} {digest}" for name, digest in digests)
    return Item.of("SQL", said, [*changed_files(*texts)])


def _texts(side: Side, name: str) -> dict[str, str]:
    """Return the text of a statement and of its functions, by name."""
    asset = side.session.catalogue.get(name)
    return {as_written(part.name): part.text for part in (asset, *asset.functions)}


def _configuration(then: Side, now: Side) -> Item:
    said = str(then.variant.id if then.variant else "")
    return Item.of("configuration", said, [*changes_of(_definition(then), _definition(now))])


def _definition(side: Side) -> dict[str, Any]:
    """Return what decides a model besides SQL and code: the run's definition, and its own variant."""
    if side.job is None:
        return {}
    whole = run_definition(side.job, side.session.catalogue)
    parts = {name: part for name, part in whole.items() if name not in OWN_ITEMS}
    variant = side.variant.config.model_dump() if side.variant else {}
    return parts | {"variant": variant}


def _code(info: BundleInfo, then: Job, now: Job) -> Item:
    changes = [*changed_files(job_files(then, ".py"), job_files(now, ".py"))]
    digest = digest_of_code(now)
    if not changes and digest != info.content["code_digest"]:
        note = "the files are the same: libraries or the engine's contract are not"
        changes.append(Change("digest of code and libraries", "changed", info.content["code_digest"], digest, note))
    commit = info.content["commit"]
    return Item.of("code", f"{info.content['code_digest']}{f', commit {commit}' if commit else ''}", changes)


def _libraries(info: BundleInfo, now: Side) -> Item:
    modules = imported_modules(now.job) if now.job else info.content["imports"]
    there: dict[str, str] = info.content["libraries"]
    return Item.of("libraries", _pairs(there), [*changes_of(there, library_versions(modules))])


def _pairs(values: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
