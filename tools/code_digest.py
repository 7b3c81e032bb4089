"""Print a digest of all code that can change predictions, for the label of the image.

It covers the code of every job, the versions of the libraries that their models import, and the engine's contract
number, but no SQL and no configuration.

Usage: python -m tools.code_digest
"""

from __future__ import annotations

from pathlib import Path

from pipeline.base.digests import digest_json
from pipeline.project.code import digest_of_code
from pipeline.project.project import Project


def code_digest(root: Path) -> str:
    """Return the code digest of a project."""
    project = Project.open(root)
    return digest_json({name: digest_of_code(project.job(name)) for name in project.job_names()})


if __name__ == "__main__":
    print(code_digest(Path()))
