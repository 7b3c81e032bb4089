"""Print the git commit of this folder, for the label of the image, with `-dirty` if files differ from it.

Without a commit, it prints `unknown`, and the reason on stderr.

Usage: python -m tools.commit
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.project.code import commit_name, git_commit, why_no_commit


def name_commit(root: Path) -> str:
    """Return the commit of a folder, or `unknown`."""
    commit, dirty = git_commit(root)
    name = commit_name(commit, dirty=dirty)
    if name is None:
        print(f"commit: none is known: {why_no_commit(root)} - the image is labelled `unknown`", file=sys.stderr)
    return name or "unknown"


if __name__ == "__main__":
    print(name_commit(Path()))
