"""The points of the matrix: what is disturbed, by what, at which call, and what has to be there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.faults.faults import KILLS, TERMS, Fault, Strike, faults_for
from tests.faults.lab import Lab, Outcome, explain
from tests.faults.reader import torn
from tests.faults.state import State, doubled, lost, wrong_verdicts
from tests.faults.table import Row
from tests.faults.victims import LIFE, PHASES, Step, evaluate, rerun, run

CLEAR_ENDS = (0, 4, -9, -15)
"""How a disturbed process may end: well, with an error of the cloud, or by its signal."""


@dataclass(frozen=True)
class Scenario:
    """Steps from a saved state, and the states that are right after them.

    Parameters
    ----------
    again
        What is repeated until it ends well.
    calls
        Kinds of the calls of an undisturbed run, in order.
    before
        The state that is saved.
    rights
        What an undisturbed run leaves; first of them the one that is nearest to what was done.
    """

    saved: Path
    steps: tuple[Step, ...]
    again: tuple[Step, ...]
    calls: tuple[str, ...]
    before: State
    rights: tuple[State, ...]


@dataclass(frozen=True)
class Place:
    """Saved states and scenarios that start from them."""

    folder: Path
    parsed: Path
    first: Scenario
    replacing: Scenario

    @classmethod
    def prepared(cls, folder: Path, lab: Lab) -> Place:
        """Make the states, and learn from undisturbed runs what is right."""
        sources, done = folder / "sources", folder / "done"
        lab.save_sources(sources, folder / "tiny")
        empty = lab.in_turn(sources, [()]).state
        undisturbed = _undisturbed(lab, sources, LIFE)
        first = Scenario(sources, LIFE, LIFE, _calls(undisturbed), empty, (undisturbed.state,))
        lab.save_after(sources, done, LIFE)
        again = _undisturbed(lab, done, (rerun, evaluate))
        rights = (again.state, undisturbed.state)  # killed before its claim, a rerun has never been
        replacing = Scenario(done, (rerun, evaluate), (run, evaluate), _calls(again), undisturbed.state, rights)
        return cls(folder, lab.parsed, first, replacing)


def _undisturbed(lab: Lab, saved: Path, steps: tuple[Step, ...]) -> Outcome:
    outcome = lab.point(saved, steps, (), ())
    lab.servers.restart_zygote()  # it knows the statements from now on
    if outcome.first:
        raise RuntimeError(f"an undisturbed run ended with {outcome.first}: {outcome.said}")
    return outcome


def _calls(outcome: Outcome) -> tuple[str, ...]:
    assert outcome.plan
    return tuple(outcome.plan.calls)


@dataclass(frozen=True)
class Point:
    """One disturbance.

    Parameters
    ----------
    carry_out
        Does it in a lab.
    """

    group: str
    name: str
    scenario: Scenario
    carry_out: Callable[[Lab], Outcome]

    def row(self, lab: Lab) -> Row:
        """Carry it out and compare."""
        outcome, scenario = self.carry_out(lab), self.scenario
        right = min(scenario.rights, key=lambda state: lost(state, outcome.state) + doubled(state, outcome.state))
        seen = torn(outcome.seen, scenario.before, right)
        failed = outcome.again != 0 or outcome.first not in CLEAR_ENDS or "Traceback" in outcome.said
        return Row(
            point=self.name,
            group=self.group,
            lost=lost(right, outcome.state),
            doubled=doubled(right, outcome.state),
            wrong=wrong_verdicts(right, outcome.state),
            torn=len(seen),
            failed=int(failed),
            missed=bool(outcome.plan and outcome.plan.strikes and not outcome.plan.struck),
            explanation="\n  ".join([explain(right, outcome), *seen]),
        )


def all_points(place: Place) -> list[Point]:
    """Return every point, by group."""
    first, replacing = place.first, place.replacing
    groups = [
        ("phases as processes", _phases(first)),
        ("two at once", _together(first)),
        ("killed before a call", _every_call(first, KILLS[0])),
        ("killed after a call", _every_call(first, KILLS[1])),
        ("faults by kind", _faults(first)),
        ("killed while replacing", _every_call(replacing, KILLS[1])),
        ("SIGTERM", _every_call(first, TERMS[1])),
    ]
    return [Point(group, name, *rest) for group, found in groups for name, *rest in found]


Found = Iterator[tuple[str, Scenario, Callable[[Lab], Outcome]]]


def _every_call(scenario: Scenario, fault: Fault) -> Found:
    for number, kind in enumerate(scenario.calls, start=1):
        yield f"{fault} {number}: {kind}", scenario, _struck(scenario, Strike(fault, number))


def _struck(scenario: Scenario, *strikes: Strike) -> Callable[[Lab], Outcome]:
    return lambda lab: lab.point(scenario.saved, scenario.steps, strikes, scenario.again)


def _phases(scenario: Scenario) -> Found:
    """Each phase is a process; after each, everything starts from the beginning, or the phase is repeated."""
    processes = [(step,) for step in (*PHASES, evaluate)]
    for done in range(1, len(processes) + 1):
        for name, again in (("all again", processes), ("the last again", processes[done - 1 :])):
            turns = [*processes[:done], *again]
            yield f"{done} phases, then {name}", scenario, lambda lab, turns=turns: lab.in_turn(scenario.saved, turns)


def _together(scenario: Scenario) -> Found:
    for tenths in range(0, 30, 3):
        apart = tenths / 10
        yield f"{apart} s apart", scenario, lambda lab, apart=apart: lab.together(scenario.saved, LIFE, apart)


def _faults(scenario: Scenario) -> Found:
    """Every fault on the middle one of the calls of each kind; and one that takes two calls."""
    for kind in sorted(set(scenario.calls)):
        number = (scenario.calls.count(kind) + 1) // 2
        for fault in faults_for(kind):
            strike = Strike(fault, number, kind)
            yield str(strike), scenario, _struck(scenario, strike)
    unknown = Strike(Fault("status", status=404, reason="notFound"), 1, "jobs.get", times=2)
    lost_reply = Strike(Fault("drop", carried_out=True), 9, "jobs.insert")
    yield "404 after 409", scenario, _struck(scenario, lost_reply, unknown)


def subset(points: Sequence[Point], count: int, seed: int = 0) -> list[Point]:
    """Choose points from every group, evenly spread, other ones with another seed; the groups take turns.

    Where there are more groups than points, other groups have theirs with another seed.
    """
    groups = list(dict.fromkeys(point.group for point in points))
    first = seed * count % len(groups)
    groups = (groups[first:] + groups[:first])[:count]
    share = max(1, count // len(groups))
    chosen: list[list[Point]] = []
    for group in groups:
        own = [point for point in points if point.group == group]
        step = max(1, len(own) // share)
        chosen.append(own[seed % step :: step][:share])
    return [point for turn in zip_longest(*chosen) for point in turn if point]
