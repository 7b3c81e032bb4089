"""The table that the matrix prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.points import Point

COLUMNS = ("group", "points", "run", "not run", "lost rows", "doubled rows", "wrong verdicts", "torn reads", "failed")


@dataclass(frozen=True)
class Row:
    """The result of a point: numbers of missing, duplicate and wrong rows, and whether a process failed.

    A point is missed if its call was never made, because reading a table in streams takes a varying number of calls.
    """

    point: str
    group: str
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    torn: int = 0
    failed: int = 0
    missed: bool = False
    explanation: str = ""

    @property
    def is_wrong(self) -> bool:
        """Tell whether the state differs from that without a fault."""
        return any((self.lost, self.doubled, self.wrong, self.torn, self.failed))

    def __str__(self) -> str:
        numbers = (
            f"lost {self.lost}, doubled {self.doubled}, wrong {self.wrong}, torn {self.torn}, failed {self.failed}"
        )
        return f"{self.group}: {self.point}: {numbers}"


def as_table(points: Sequence[Point], rows: Sequence[Row], seconds: float) -> str:
    """Return a Markdown table of groups with a row of sums."""
    groups = sorted({point.group for point in points})
    lines = [_line(group, points, rows) for group in groups]
    total = ["all", *(sum(int(line[number]) for line in lines) for number in range(1, len(COLUMNS)))]
    body = [COLUMNS, ["---"] + ["---:"] * (len(COLUMNS) - 1), *lines, total]
    table = "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in body)
    return f"\n{table}\n\n{len(rows)} of {len(points)} points in {seconds / 60:.1f} minutes"


def _line(group: str, points: Sequence[Point], rows: Sequence[Row]) -> list[object]:
    count = sum(point.group == group for point in points)
    own = [row for row in rows if row.group == group and not row.missed]
    sums = [sum(getattr(row, name) for row in own) for name in ("lost", "doubled", "wrong", "torn", "failed")]
    return [group, count, len(own), count - len(own), *sums]
