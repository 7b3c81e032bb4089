"""Write the limits of the local target into docs/local-target.md: python -m tools.limits."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.emulators.limits import SERVICES, SQL, STORAGE, markdown_table

PAGE = Path(__file__).parents[1] / "docs" / "local-target.md"
TABLES = {"services": SERVICES, "sql": SQL, "storage": STORAGE}


def with_tables(page: str) -> str:
    """Return a page with each table of limits between its markers, `<!-- limits: NAME -->` and `<!-- end -->`."""
    for name, limits in TABLES.items():
        section = re.compile(f"(<!-- limits: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        table = markdown_table(limits).replace("\\", r"\\")
        page = section.sub(rf"\1\n{table}\n\2", page)
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
