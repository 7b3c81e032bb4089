"""Run a lint program that some platforms lack: without it, one line is printed and the lint is skipped.

With CI=true a missing program is an error, unless WITHOUT names it: WITHOUT="chromium shellcheck".

Usage: python -m tools.programs NAME ARGUMENT...
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def find_program(name: str) -> str | None:
    """Return the path of a program in this environment or on the machine, or None."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return shutil.which(name, path=os.pathsep.join(places))


def is_required(name: str) -> bool:
    """Tell whether a missing program is an error: in continuous integration, unless WITHOUT names it."""
    return bool(os.environ.get("CI")) and name not in os.environ.get("WITHOUT", "").split()


def run_program(name: str, *arguments: str) -> int:
    """Run a program and return its exit code; print one line if it is missing."""
    program = find_program(name)
    if program:
        return subprocess.run([program, *arguments], check=False).returncode
    if is_required(name):
        print(f"{name}: not installed, and required with CI=true: install it, or name it in WITHOUT", file=sys.stderr)
        return 1
    print(f"{name}: not installed on this machine, skipped")
    return 0


if __name__ == "__main__":
    sys.exit(run_program(*sys.argv[1:]))
