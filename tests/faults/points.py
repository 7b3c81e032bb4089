"""The points of the matrix: the disturbed steps, the fault, the call, and the state that must follow."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.faults.faults import KILLS, TERMS, Fault, Strike, faults_for
from tests.faults.lab import Lab, Outcome, explain
from tests.faults.reader import torn
from tests.faults.state import State, doubled, lost, wrong_verdicts
from tests.faults.table import Row
from tests.faults.victims import LIFE, PHASES, WITHOUT_BASELINE, Step, evaluate, rerun, run

FIRST = 2
"""Points of each group that come before all others."""

CLEAR_ENDS = (0, 4, -9, -15)
"""Exit codes of a disturbed process: success, an error of the cloud, or its signal."""


@dataclass(frozen=True)
class Scenario:
    """Steps from a saved state, and the correct states after them.

    Parameters
    ----------
    again
        Steps of the second process.
    calls
        Kinds of the calls of an undisturbed run, in order.
    before
        The saved state.
    rights
        Correct states; a point is compared with the most similar one.
    """

    saved: Path
    steps: tuple[Step, ...]
    again: tuple[Step, ...]
    calls: tuple[str, ...]
    before: State
    rights: tuple[State, ...]


@dataclass(frozen=True)
class Place:
    """Saved states, and scenarios that start from them."""

    folder: Path
    parsed: Path
    first: Scenario
    replacing: Scenario
    failing: Scenario

    @classmethod
    def prepared(cls, folder: Path, lab: Lab) -> Place:
        """Return the saved states; undisturbed runs give the correct results."""
        sources, done = folder / "sources", folder / "done"
        lab.save_sources(sources, folder / "tiny")
        empty = lab.in_turn(sources, [()]).state
        undisturbed = _undisturbed(lab, sources, LIFE)
        first = Scenario(sources, LIFE, LIFE, _calls(undisturbed), empty, (undisturbed.state,))
        lab.save_after(sources, done, LIFE)
        again = _undisturbed(lab, done, (rerun, evaluate))
        rights = (again.state, undisturbed.state)  # a rerun that is killed before its claim leaves the state before it
        replacing = Scenario(done, (rerun, evaluate), (run, evaluate), _calls(again), undisturbed.state, rights)
        without = _undisturbed(lab, sources, WITHOUT_BASELINE)
        failing = Scenario(sources, WITHOUT_BASELINE, WITHOUT_BASELINE, _calls(without), empty, (without.state,))
        return cls(folder, lab.parsed, first, replacing, failing)


def _undisturbed(lab: Lab, saved: Path, steps: tuple[Step, ...]) -> Outcome:
    outcome = lab.point(saved, steps, (), ())
    lab.servers.restart_zygote()  # it then knows the statements of this run
    if outcome.first:
        raise RuntimeError(f"an undisturbed run exited with {outcome.first}: {outcome.output}")
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
        Runs the point in a lab.
    """

    group: str
    name: str
    scenario: Scenario
    carry_out: Callable[[Lab], Outcome]

    def row(self, lab: Lab) -> Row:
        """Run the point and return its comparison with the correct state."""
        outcome, scenario = self.carry_out(lab), self.scenario
        right = min(scenario.rights, key=lambda state: lost(state, outcome.state) + doubled(state, outcome.state))
        seen = torn(outcome.seen, scenario.before, right)
        failed = outcome.again != 0 or outcome.first not in CLEAR_ENDS or "Traceback" in outcome.output
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
    first, replacing, failing = place.first, place.replacing, place.failing
    groups = [
        ("phases as processes", _phases(first)),
        ("two at once", _together(first)),
        ("killed before a call", _every_call(first, KILLS[0])),
        ("killed after a call", _every_call(first, KILLS[1])),
        ("faults by kind", _faults(first)),
        ("killed while replacing", _every_call(replacing, KILLS[1])),
        ("killed, a variant fails", _every_call(failing, KILLS[1])),
        ("SIGTERM", _every_call(first, TERMS[1])),
    ]
    return [Point(group, name, *rest) for group, disturbances in groups for name, *rest in disturbances]


Disturbances = Iterator[tuple[str, Scenario, Callable[[Lab], Outcome]]]


def _every_call(scenario: Scenario, fault: Fault) -> Disturbances:
    for number, kind in enumerate(scenario.calls, start=1):
        yield f"{fault} {number}: {kind}", scenario, _struck(scenario, Strike(fault, number))


def _struck(scenario: Scenario, *strikes: Strike) -> Callable[[Lab], Outcome]:
    return lambda lab: lab.point(scenario.saved, scenario.steps, strikes, scenario.again)


def _phases(scenario: Scenario) -> Disturbances:
    """Yield points with a process for each phase; after each phase, all phases or only the last one run again."""
    processes = [(step,) for step in (*PHASES, evaluate)]
    for done in range(1, len(processes) + 1):
        for name, again in (("all again", processes), ("the last again", processes[done - 1 :])):
            turns = [*processes[:done], *again]
            yield f"{done} phases, then {name}", scenario, lambda lab, turns=turns: lab.in_turn(scenario.saved, turns)


def _together(scenario: Scenario) -> Disturbances:
    for tenths in range(0, 30, 3):
        apart = tenths / 10
        yield f"{apart} s apart", scenario, lambda lab, apart=apart: lab.together(scenario.saved, LIFE, apart)


def _faults(scenario: Scenario) -> Disturbances:
    """Yield every fault on the middle call of each kind, and one fault of two calls."""
    for kind in sorted(set(scenario.calls)):
        number = (scenario.calls.count(kind) + 1) // 2
        for fault in faults_for(kind):
            strike = Strike(fault, number, kind)
            yield str(strike), scenario, _struck(scenario, strike)
    unknown = Strike(Fault("status", status=404, reason="notFound"), 1, "jobs.get", times=2)
    lost_reply = Strike(Fault("drop", carried_out=True), 9, "jobs.insert")
    yield "404 after 409", scenario, _struck(scenario, lost_reply, unknown)


def in_order(points: Sequence[Point], seed: int) -> list[Point]:
    """Return all points in an order that a time limit may cut: a few of every group, then the others, shuffled."""
    first = subset(points, FIRST * len({point.group for point in points}), seed)
    taken = set(map(id, first))
    others = [point for point in points if id(point) not in taken]
    random.Random(seed).shuffle(others)  # noqa: S311
    return [*first, *others]


def subset(points: Sequence[Point], count: int, seed: int = 0) -> list[Point]:
    """Return evenly spread points of every group, one group after the other; another seed gives other points.

    With fewer points than groups, another seed gives other groups.
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
