"""Run the steps of Dockerfile without a container, in an empty environment, and check the result.

The paths of the image are folders below a temporary folder. HOME is empty, and only pip's settings come from the
caller's environment, because a build machine has its own. Root runs the finished pipeline as the image's user, who may
only write in /tmp.

Usage: python -m tools.image_steps
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tools.dockerfile import Instruction, Stage, stages_of
from tools.install import UV_VARIABLES, pip_settings

ROOT = Path(__file__).parents[1]
IMAGE = f"registry.example/project/pipeline@sha256:{'0' * 64}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SAYS_COMMIT = "from pathlib import Path; from pipeline.project.code import git_commit; print(git_commit(Path()))"
ABSENT = ("bqemulator", "duckdb", "fake_gcs_server", "hypothesis", "mypy", "pip", "psycopg", "pytest", "zetasql")
"""Packages for laptops, and installers: the image must not have them."""

PRESENT = ("google.cloud.bigquery", "google.cloud.storage", "pandas_gbq", "jobs.flight_delay.model")
PATHS = re.compile(r"(?<![\w.-])/(?:opt|build|app|tmp)\b")
"""Matches paths of the image in commands and variables."""

NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc")


def base_python() -> Path:
    """Return a Python 3.11 that every user may run if the machine has one, otherwise this Python."""
    for folder in ("/usr/local/bin", "/usr/bin"):
        python = Path(folder) / "python3.11"
        if python.exists() and not subprocess.run([python, "-c", "import ensurepip, venv"], check=False).returncode:
            return python
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


class Image:
    """An image that is a folder.

    Parameters
    ----------
    root
        Folder in place of `/`.
    arguments
        Values of ARG instead of the defaults.
    """

    def __init__(self, root: Path, arguments: Mapping[str, str] = MappingProxyType({})) -> None:
        self.root, self.arguments = root, arguments
        self.environment: dict[str, str] = {}
        self.workdir = root
        for name in ("base", "empty", "tmp"):
            (root / name).mkdir()
        (root / "tmp").chmod(0o1777)
        (root / "base" / "python").symlink_to(base_python())

    def build(self, stage: Stage) -> None:
        """Run the instructions of a stage."""
        self.environment = {"PATH": f"{self.root / 'base'}:/usr/bin:/bin", "HOME": str(self.root / "empty")}
        for instruction in stage.instructions:
            if instruction.name == "WORKDIR":
                self.workdir = self._place(instruction.rest)
                self.workdir.mkdir(parents=True, exist_ok=True)
            elif instruction.name == "ENV":
                self.environment |= {name: self._text(value) for name, value in instruction.pairs.items()}
            elif instruction.name == "ARG":
                defaults = instruction.pairs
                self.environment |= {name: self.arguments.get(name, value) for name, value in defaults.items()}
            elif instruction.name == "COPY":
                self._copy(instruction)
            elif instruction.name == "RUN":
                print(f"== RUN {instruction.rest[:100]}", flush=True)
                command = ["/bin/sh", "-ec", self._text(instruction.rest)]
                subprocess.run(command, cwd=self.workdir, env=self.environment | _pip(), check=True)

    def run(self, *command: str, user: int | None = None) -> str:
        """Run a command in the finished image, and return its exit code and output as one text."""
        as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        done = subprocess.run(  # type: ignore[call-overload]
            command, cwd=self.workdir, env=self.environment, capture_output=True, text=True, check=False, **as_user
        )
        return f"{done.returncode} {done.stdout}{done.stderr}"

    def _copy(self, instruction: Instruction) -> None:
        built, (*sources, target) = instruction.rest.startswith("--from="), instruction.words
        for name in sources:
            source = self._place(name) if built else ROOT / name  # all stages share one root
            place = self.workdir / (self._place(target) if target.startswith("/") else target)
            if source == place:
                continue
            if source.is_dir():
                shutil.copytree(source, place, ignore=NOT_COPIED, dirs_exist_ok=True)
            elif target.endswith("/"):
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
            else:
                shutil.copy(source, place)

    def _place(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _text(self, text: str) -> str:
        """Return text with paths below the root of this image and with the current $PATH."""
        text = PATHS.sub(lambda match: f"{self.root}{match[0]}", text)
        return text.replace("$PATH", self.environment.get("PATH", ""))


def _pip() -> dict[str, str]:
    """Return the variables that make pip find packages as on this machine, without its other settings."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    settings = pip_settings(listing.stdout)
    variables = {f"PIP_{name.upper().replace('-', '_')}": settings[name] for name in UV_VARIABLES if name in settings}
    return {**variables, "PIP_CONFIG_FILE": os.devnull, "PIP_QUIET": "2"}


def user_of(image: Image, number: int) -> int | None:
    """Return the image's user, or None if this process is not root or that user may not run this Python."""
    if os.geteuid() != 0:
        return None
    try:
        return number if image.run("pipeline", "--version", user=number).startswith("0") else None
    except PermissionError:
        return None


def problems_of(image: Image, user: int | None) -> list[str]:
    """Return the commands with unexpected results in a finished image."""
    out = image.root / "tmp" / "deployment"
    deploy = ("deploy", "flight_delay", "--target", "targets/example.yaml", "--image", IMAGE, "--out", str(out))
    place = ("--project-dir", str(image.workdir))
    expected: dict[tuple[str, ...], str] = {
        ("pipeline", "--version"): "0 pipeline ",
        ("pipeline", *deploy, *place): "0 flight_delay: 18 files",
        ("pipeline", "train", "flight_delay", "--run-date", "no-date", *place): "2 error: --run-date 'no-date'",
        ("python", "-c", SAYS_COMMIT): f"0 ('{COMMIT}', False)",
        **{("python", "-c", f"import {name}"): "1 Traceback" for name in ABSENT},
        **{("python", "-c", f"import {name}"): "0 " for name in PRESENT},
    }
    if user is not None:  # other users may own the files
        for folder in ("opt/pipeline", "app"):
            expected["touch", f"{image.root}/{folder}/x"] = "1 touch: "
    outputs = {command: image.run(*command, user=user) for command in expected}
    return [
        f"{' '.join(command)}: {output[:500]}"
        for command, output in outputs.items()
        if not output.startswith(expected[command])
    ]


def main() -> int:
    """Build the image as a folder, check it, print its problems and return the exit code."""
    stages = stages_of((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    final = stages[-1]
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        root = Path(name).resolve()
        root.chmod(0o755)
        image = Image(root, {"COMMIT": COMMIT})
        for stage in stages:
            image.build(stage)
        user = user_of(image, int(final.of("USER")[0].rest.partition(":")[0]))
        problems = problems_of(image, user)
    account = f"as user {user}" if user is not None else "as the caller: the image's user cannot run this Python"
    print("\n".join(problems) or f"the pipeline of the image works ({account}), and no package for laptops is in it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
