"""What was configured for two runs, fixed at their start, and identifies their models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pipeline.base.dates import as_of
from pipeline.explain.changes import Change, changes_of
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.project.project import variant_name

OTHER_GROUPS = ("job", "sql", "sources", "variants", "code")
"""Parts of a definition that have their own groups."""

DEFINED = ("time_zone", "as_of_offset_minutes", "entity", "example_key", "sources", "examples", "labels")
"""Keys of job.yaml that definitions hold, too."""

FREE = ("description",)
"""Keys of job.yaml that the engine does not use."""

Texts = tuple[dict[str, str], dict[str, str]]


def parameters_group(pair: Pair) -> Group:
    """Compare the keys of the definitions that have no other group, such as parameters of SQL."""
    a, b = ({key: value for key, value in side.items() if key not in OTHER_GROUPS} for side in pair.defined())
    return Group("parameters", list(changes_of(a, b)), pair.without_claim())


def sources_group(pair: Pair) -> Group:
    """Compare the declared sources."""
    return Group("sources", list(changes_of(*pair.defined("sources"))), pair.without_claim())


def variants_group(pair: Pair) -> Group:
    """Compare variants by name; of a variant with another digest, also the keys of its YAML file."""
    texts, names = pair.texts(".yaml"), sorted({*pair.a.variants, *pair.b.variants})
    changes = [change for name in names for change in _variant(pair, name, texts)]
    are_files_needed = any(change.kind == "changed" for change in changes)
    not_read = pair.without_bundle("its variants' files") if are_files_needed else []
    return Group("variants", changes, [*pair.without_claim(), *not_read])


def _variant(pair: Pair, name: str, texts: Texts | None) -> Iterator[Change]:
    a, b = pair.a.variants.get(name), pair.b.variants.get(name)
    if a is None or b is None:
        yield Change(name, "added", b=b) if a is None else Change(name, "removed", a=a)
    elif a != b:
        path = f"jobs/{pair.a.name.job}/{name}.yaml"
        keys = list(changes_of(*_read(texts or ({}, {}), path), path=name))
        yield Change(name, "changed", a, b, note="" if keys or not texts else "its file in the bundles is the same")
        yield from keys


def job_group(pair: Pair) -> Group:
    """Compare the keys of job.yaml that no other group has, such as evaluation, gate and drift."""
    texts, path = pair.texts(".yaml") or ({}, {}), f"jobs/{pair.a.name.job}/job.yaml"
    changes = [change for change in changes_of(*_read(texts, path)) if _is_shown(change.what, pair)]
    return Group("job.yaml", changes, pair.without_bundle("its job.yaml"), decides=False)


def _is_shown(key: str, pair: Pair) -> bool:
    """Tell whether no other group shows a key; definitions lack the days after which labels are mature."""
    top = key.partition(".")[0]
    return key == "labels.delay_days" or (top not in FREE and (top not in DEFINED or bool(pair.without_claim())))


def _read(texts: Texts, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the content of a YAML file in both bundles; empty if a bundle lacks the file."""
    a, b = (yaml.safe_load(files.get(path, "")) for files in texts)
    return (a if isinstance(a, dict) else {}), (b if isinstance(b, dict) else {})


def models_group(pair: Pair) -> Group:
    """Compare model ids, which cover all bytes of a model, of the variants that both runs have, by name."""
    a, b = (
        {variant_name(variant): model.model_id for variant, model in record.models.items()}
        for record in pair.sides.values()
    )
    missing = [
        f"{letter}: {name} has no committed model"
        for (letter, record), ids in zip(pair.sides.items(), (a, b), strict=True)
        for name in sorted(record.variants.keys() - ids.keys())
    ]
    return Group("models", list(_changes_of_shared(a, b)), missing)


def moments_group(pair: Pair) -> Group:
    """Compare run date, as_of, generation, snapshot and the champion at the start."""
    changes = _changes_of_shared(moments_of(pair.a), moments_of(pair.b))
    return Group("moments", list(changes), pair.without_claim(), decides=False)


def _changes_of_shared(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Change]:
    shared = a.keys() & b.keys()
    return changes_of({name: a[name] for name in shared}, {name: b[name] for name in shared})


def moments_of(record: RunRecord) -> dict[str, Any]:
    """Return what a run's claim fixed; without a claim, what its bundles name of it."""
    claim, day = record.claim, record.name.run_date
    if claim is None:
        known = record.bundles.info.run if record.bundles.info else {}
        return {"run_date": str(day), **{name: known[name] for name in ("as_of", "snapshot_at") if name in known}}
    moment = as_of(day, claim.defines["time_zone"], claim.defines["as_of_offset_minutes"])
    return {
        "run_date": str(day),
        "as_of": moment.isoformat(),
        "snapshot_at": claim.snapshot_at,
        "generation": claim.generation,
        "champion": claim.champion,
    }
