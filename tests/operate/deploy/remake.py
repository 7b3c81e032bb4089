"""Write the golden files of the deployment tests again: `python -m tests.operate.deploy.remake`."""

from __future__ import annotations

from pathlib import Path

from pipeline.operate.deploy.access import grants
from pipeline.operate.deploy.folder import write_deployment
from tests.operate.deploy.golden_files import COPIED, GOLDEN, deployment
from tests.operate.deploy.rights import roles_table
from tests.support.integration_fixtures import ROOT

BEGIN, END = "<!-- roles: begin -->", "<!-- roles: end -->"
PAGE = ROOT / "docs" / "security.md"


def write_roles(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{roles_table(grants())}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_roles(PAGE)
    for job in GOLDEN:
        write_deployment(deployment(job), GOLDEN[job])
        (GOLDEN[job] / COPIED).unlink()
