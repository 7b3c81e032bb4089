"""The goals, and the table of what was measured: on the terminal, in results.json and in docs/performance.md.

`python -m benchmarks.goals` writes the table of docs/performance.md again from results.json. It first records what was
measured by the clock: `python -m benchmarks.goals make_demo=118 make_test=290`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

RATIO, CPU, WALL = " x", " s of CPU", " s"
PHASES = ("preprocess", "train", "predict", "load", "evaluate")


@dataclass(frozen=True)
class Goal:
    """One row of the table.

    Parameters
    ----------
    key
        Name of the value that a benchmark returns.
    benchmark
        Name of the benchmark, for `python -m benchmarks NAME`.
    what
        What is measured, in words.
    limit
        Largest value that meets the goal, or the smallest with `at_least`; None where no goal was set.
    unit
        Follows the number.
    """

    key: str
    benchmark: str
    what: str
    limit: float | None
    unit: str = RATIO
    at_least: bool = False

    def verdict(self, measured: float | None) -> str:
        """Return met, MISSED, or nothing without a goal or a value."""
        if measured is None or self.limit is None:
            return ""
        return "met" if (measured >= self.limit if self.at_least else measured <= self.limit) else "MISSED"

    def cells(self, measured: float | None) -> tuple[str, str, str, str]:
        """Return the cells of the row: what, measured, goal, verdict."""
        sign = "at least" if self.at_least else "at most"
        limit = "-" if self.limit is None else f"{sign} {_number(self.limit)}{self.unit}"
        value = "not measured" if measured is None else f"{_number(measured)}{self.unit}"
        return self.what, value, limit, self.verdict(measured)


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


CLOCK = "-"
"""In place of a benchmark: a command that takes minutes, measured by the clock."""

GOALS = (
    Goal("make_demo", CLOCK, "`make demo`, fresh clone, empty HOME, warm package cache", 120, WALL),
    Goal("make_demo_again", CLOCK, "`make demo` again", 12, WALL),
    Goal("make_test", CLOCK, "`make test` in an established checkout", 300, WALL),
    Goal("make_test_fresh", CLOCK, "`make test` in a fresh clone", 360, WALL),
    Goal("ci", CLOCK, "`.ci/run`", 1800, WALL),
    Goal("bare_clients", "status", "both Google clients imported, one request each", None, CPU),
    Goal("help", "help", "`pipeline --help`", 0.25, CPU),
    Goal("help_imports", "help", "heavy packages that `pipeline --help` imports", 0, ""),
    Goal("status", "status", "`pipeline status` of the demo", 1.2, CPU),
    Goal("plan", "status", "`pipeline plan` of the demo", 1.2, CPU),
    Goal("models", "status", "`pipeline models list` of the demo", 1.2, CPU),
    Goal("report", "status", "`pipeline report` of the demo", 1.2, CPU),
    Goal("done_run", "status", "`pipeline run` of a date that is done", 1.2, CPU),
    Goal("sources", "status", "`pipeline sources load`, nothing changed", 2.0, CPU),
    Goal("dashboard", "status", "`pipeline dashboard` of the demo", 4.0, CPU),
    Goal("sql_check_first", "sql", "`pipeline sql check`, first time on a machine", 20.0, WALL),
    Goal("sql_check", "sql", "`pipeline sql check`, again", 2.0, CPU),
    Goal("day", "day", "one flight day, beside one script by hand", 1.15),
    *(Goal(f"share_{phase}", "day", f"the flight day: share of {phase}", None, " %") for phase in (*PHASES, "rest")),
    Goal("read", "read", "read 1,000,000 x 10 into a frame, beside bare Storage Read and Arrow", 1.15),
    Goal("read_memory", "read", "the same, peak memory beside the frame", 1.6),
    Goal("write", "write", "write 1,000,000 x 5 as JSON Lines, beside bare polars", 1.3),
    Goal("write_wrong", "write", "the same, values that are not exact", 0, ""),
    Goal("publish", "publish", "load and publish, over a bare load job and one MERGE", 0.3, WALL),
    Goal("binary", "binary", "binary metrics of 1,000,000 rows, beside scikit-learn without intervals", 0.9),
    Goal("ranking", "ranking", "ranking metrics of 100,000 users, beside ranx without intervals", 1.0),
    Goal("regression", "families", "regression metrics of 1,000,000 rows, beside scikit-learn without intervals", None),
    Goal("multiclass", "families", "multiclass metrics of 1,000,000 rows, beside scikit-learn", None),
    Goal("similarity_fit", "recommend", "item similarity: fit, beside implicit", 1.2),
    Goal("similarity_speed", "recommend", "item similarity: recommend, times as fast as implicit", 3.0, at_least=True),
    Goal("similarity_memory", "recommend", "item similarity: peak memory, beside implicit", 1.0),
    Goal("scipy_fit", "recommend", "item similarity without sparse_dot_topn: fit, beside with it", None),
    Goal("scipy_speed", "recommend", "item similarity without sparse_dot_topn: recommend, beside with it", None),
    Goal("page_size", "page", "dashboard of 365 days x 50 slices: size", 3.0, " MB"),
    Goal("page_made", "page", "the same, time to make it", None, WALL),
    Goal("page_drawn", "page", "the same, time until all is drawn", 2.0, WALL),
    *(
        Goal(f"growth_{phase}", "growth", f"growth of {phase} with the rows: steepest exponent", 1.05, "")
        for phase in PHASES
    ),
    Goal("predict_memory", "growth", "predict in shards, peak memory of ten times the rows", 1.1),
)


def read_results(path: Path = RESULTS) -> dict[str, float]:
    """Return the measured value of each key; a missing file has none."""
    if not path.is_file():
        return {}
    values: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))["measured"]
    return values


def write_results(measured: Mapping[str, float], path: Path = RESULTS) -> None:
    """Write values in the order of the goals, with three digits: more would be noise."""
    values = {goal.key: float(f"{measured[goal.key]:.3g}") for goal in GOALS if goal.key in measured}
    verdicts = {
        goal.key: goal.verdict(values[goal.key]) for goal in GOALS if goal.key in values and goal.limit is not None
    }
    path.write_text(json.dumps({"measured": values, "goals": verdicts}, indent=1) + "\n", encoding="utf-8")


def plain_table(measured: Mapping[str, float], goals: Iterable[Goal] = GOALS) -> str:
    """Return the table for a terminal."""
    rows = [("what", "measured", "goal", ""), *(goal.cells(measured.get(goal.key)) for goal in goals)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def markdown_table(measured: Mapping[str, float]) -> str:
    """Return the table for the documentation."""
    rows = [
        ("what", "measured", "goal", "result"),
        ("---",) * 4,
        *(goal.cells(measured.get(goal.key)) for goal in GOALS),
    ]
    return "\n".join(f"| {' | '.join(cell or '-' for cell in row)} |" for row in rows)


def with_table(text: str, measured: Mapping[str, float]) -> str:
    """Return a document with the table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{markdown_table(measured)}\n{END}{after}"


def main(arguments: Sequence[str]) -> None:
    """Record values given as KEY=SECONDS, and write the table of the document again.

    Raises
    ------
    SystemExit
        A key is not one of those that are measured by the clock.
    """
    given = dict(argument.split("=") for argument in arguments)
    keys = [goal.key for goal in GOALS if goal.benchmark == CLOCK]
    if not set(given) <= set(keys):
        raise SystemExit(f"give KEY=SECONDS; the keys are {', '.join(keys)}")
    if given:
        write_results(read_results() | {key: float(value) for key, value in given.items()})
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8"), read_results()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
