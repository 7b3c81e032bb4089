"""What the next `pipeline run` of a run date would do, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipeline.phases.run_facts import DONE, PhaseState

ALL_PHASES = "preprocess, train, predict, load"


def goes_on(job: str, phases: Sequence[PhaseState], missing_variants: int, waiting: Sequence[date]) -> str:
    """Return what joining a run leads to.

    Parameters
    ----------
    phases
        How far the phases up to the publication are.
    missing_variants
        How many variants have no model yet.
    waiting
        Run dates that are evaluated afterwards, as far as their labels are known.
    """
    words = []
    for phase in phases:
        if phase.state == DONE:
            continue
        models = f" {job}'s {missing_variants} missing variant{'s'[: missing_variants > 1]}"
        words.append(phase.phase + (models if phase.phase == "train" else ""))
    words += _evaluations(waiting)
    return ", then ".join(words) if words else "nothing: all done"


def claims_anew(generation: int, why: str, waiting: Sequence[date]) -> str:
    """Return what follows from claiming a generation."""
    reason = f" because {why}" if why else ""
    ending = "".join(f", then {word}" for word in _evaluations(waiting))
    return f"claims generation {generation}{reason}, then {ALL_PHASES}{ending}"


def _evaluations(waiting: Sequence[date]) -> list[str]:
    return [f"evaluate {', '.join(str(day) for day in waiting)} where labels are known"] if waiting else []
