"""The models of two runs: of one definition and the same rows they are the same to the byte."""

from __future__ import annotations

from pipeline.compare.values import changes_of
from pipeline.phases.why.group import Group, Pair
from pipeline.phases.why.record import RunRecord


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
