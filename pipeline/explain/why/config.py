"""The configuration of two runs: their definitions, declared sources, variants and `job.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pipeline.base.dates import as_of
from pipeline.explain.changes import Change, changes_of
from pipeline.explain.why.record import Group, Pair, RunRecord

ELSEWHERE = ("job", "sql", "sources", "variants", "code")
"""Parts of a definition that have groups of their own."""


DEFINED = ("time_zone", "as_of_offset_minutes", "entity", "example_key", "sources", "examples", "labels")
"""Keys of job.yaml that definitions hold, too."""


Texts = tuple[dict[str, str], dict[str, str]]


FREE = ("description",)
"""Keys of job.yaml that say nothing to the engine."""


def parameters_group(pair: Pair) -> Group:
    """Compare the keys of the definitions that have no group of their own, such as parameters of SQL."""
    a, b = ({name: value for name, value in side.items() if name not in ELSEWHERE} for side in pair.defined())
    return Group("parameters", list(changes_of(a, b)), pair.unclaimed())


def sources_group(pair: Pair) -> Group:
    """Compare the declared sources."""
    return Group("sources", list(changes_of(*pair.defined("sources"))), pair.unclaimed())


def variants_group(pair: Pair) -> Group:
    """Compare variants by name; the keys of one whose digest differs are those of its YAML file."""
    a, b, texts = pair.a.variants, pair.b.variants, pair.texts(".yaml")
    changes = [change for name in sorted({*a, *b}) for change in _variant(pair, name, texts)]
    differing = any(change.kind == "changed" for change in changes)
    return Group("variants", changes, [*pair.unclaimed(), *(pair.unread("its variants' files") if differing else [])])


def _variant(pair: Pair, name: str, texts: Texts | None) -> Iterator[Change]:
    a, b = pair.a.variants.get(name), pair.b.variants.get(name)
    if a == b:
        return
    if a is None or b is None:
        yield Change(name, "added", b=b) if a is None else Change(name, "removed", a=a)
        return
    path = f"jobs/{pair.a.name.job}/{name}.yaml"
    keys = list(changes_of(*_read(texts or ({}, {}), path), path=name))
    yield Change(name, "changed", a, b, note="" if keys or not texts else "its file in the bundles is the same")
    yield from keys


def job_group(pair: Pair) -> Group:
    """Compare the keys of job.yaml that no other group has: evaluation, gate, drift and whatever else it holds."""
    texts, path = pair.texts(".yaml") or ({}, {}), f"jobs/{pair.a.name.job}/job.yaml"
    shown = [change for change in changes_of(*_read(texts, path)) if _is_shown(change.what, pair)]
    return Group("job.yaml", shown, pair.unread("its job.yaml"), decides=False)


def _is_shown(what: str, pair: Pair) -> bool:
    """Tell whether no other group shows a key; definitions leave out when labels are mature."""
    top = what.partition(".")[0]
    return what == "labels.delay_days" or (top not in FREE and (top not in DEFINED or bool(pair.unclaimed())))


def _read(texts: Texts, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a verified YAML file of both bundles holds; nothing where one has no such file."""
    a, b = (yaml.safe_load(files.get(path, "")) for files in texts)
    return (a if isinstance(a, dict) else {}), (b if isinstance(b, dict) else {})


def models_group(pair: Pair) -> Group:
    """Compare the ids of the models that variants of both runs have, by name; an id covers all bytes of a model."""
    a, b = (_ids(record) for record in pair.sides.values())
    both = a.keys() & b.keys()
    changes = changes_of({name: a[name] for name in both}, {name: b[name] for name in both})
    lost = [
        f"{letter}: {name} has no committed model"
        for letter, record, ids in zip("AB", pair.sides.values(), (a, b), strict=True)
        for name in sorted(record.variants.keys() - ids.keys())
    ]
    return Group("models", list(changes), lost)


def _ids(record: RunRecord) -> dict[str, str]:
    return {variant.partition("@")[0]: model.model_id for variant, model in record.models.items()}


def moments_group(pair: Pair) -> Group:
    """Compare run date, as_of, generation, snapshot and the champion that was in force."""
    a, b = (moments_of(record) for record in pair.sides.values())
    shared = a.keys() & b.keys()
    changes = changes_of({name: a[name] for name in shared}, {name: b[name] for name in shared})
    return Group("moments", list(changes), pair.unclaimed(), decides=False)


def moments_of(record: RunRecord) -> dict[str, Any]:
    """Return what a run's claim fixed; of one whose claim is gone, what its bundles say."""
    claim, day = record.claim, record.name.run_date
    if claim is None:
        known = record.kept.info.run if record.kept.info else {}
        return {"run_date": str(day), **{name: known[name] for name in ("as_of", "snapshot_at") if name in known}}
    moment = as_of(day, claim.defines["time_zone"], claim.defines["as_of_offset_minutes"])
    return {
        "run_date": str(day),
        "as_of": moment.isoformat(),
        "snapshot_at": claim.snapshot_at,
        "generation": claim.generation,
        "champion": claim.champion,
    }
