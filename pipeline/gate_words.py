"""What the gate says, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.gate_rules import Gate, GateRule

Row = Mapping[str, Any]

SAID = ("run_date", "champion", "challenger", "verdict", "n", "needed_n", "difference", "low", "high")
"""Columns of a judgement that its verdict has too."""


def verdict_of(rule: GateRule, judged: Row) -> dict[str, Any]:
    """Return the verdict of a judgement of `gate/judge_v1`: its numbers, and the reason in words."""
    said = {name: judged[name] for name in SAID} | {"reason": REASONS[judged["cause"]](rule.gate, judged)}
    if judged["cause"] == "not-shown":
        margin = judged["difference"] - judged["low"]
        said["needed_n"] = rule.needed_days(judged["difference"], margin, judged["n"])
    return said


def verdict_line(verdict: Row) -> str:
    """Return a verdict for people."""
    return f"{verdict['run_date']} gate: {verdict['verdict']} {verdict['challenger']}, {verdict['reason']}"


def _days(gate: Gate, row: Row) -> str:
    return f"{row['n']} of the {gate.min_days} days of window {row['window_number']} are known"


def _gained(gate: Gate, row: Row) -> str:
    return (
        f"{gate.metric} is better by {row['difference']:.4g} on average over the {row['n']} days of window"
        f" {row['window_number']} up to {row['run_date']}"
    )


def _better(gate: Gate, row: Row) -> str:
    return f"{_gained(gate, row)}, and by at least {row['low']:.4g} at the error that a window is given"


def _not_shown(gate: Gate, row: Row) -> str:
    wanted = f"more than {gate.min_gain:.4g}"
    if row["difference"] > gate.min_gain:
        return f"{_gained(gate, row)}, which may be chance: {row['low']:.4g} is the lower bound, and {wanted} is wanted"
    way = "better" if row["difference"] >= 0 else "worse"
    return (
        f"{gate.metric} is {way} by {abs(row['difference']):.4g} on average over the {row['n']} days of window"
        f" {row['window_number']}: a gain of {wanted} is wanted"
    )


def _guard_rails(gate: Gate, row: Row) -> str:
    allowed = ", ".join(f"{name} {most:.4g}" for name, most in gate.guard_rails.items())
    return f"{_gained(gate, row)}, but {row['broken']} got worse than allowed, or is not known (allowed: {allowed})"


def _rival(gate: Gate, row: Row) -> str:
    return f"{_gained(gate, row)}, but {row['other']} gains more and is promoted"


REASONS: Mapping[str, Callable[[Gate, Row], str]] = {
    "window-open": _days,
    "undefined": lambda gate, row: f"{gate.metric} is not defined for both on this day; {_days(gate, row)}",
    "better": _better,
    "not-shown": _not_shown,
    "guard-rails": _guard_rails,
    "rival": _rival,
    "windows-used-up": lambda gate, _: f"its {gate.max_windows} windows beside this champion are used up",
    "succeeded": lambda _, row: f"{row['other']} is champion from {row['other_from']} on",
}
"""Reason of each cause that the SQL names."""
