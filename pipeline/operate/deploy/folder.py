"""The folder of a deployment: its files, and how it takes the place of an older one."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import RequestError
from pipeline.operate.deploy import placed, texts
from pipeline.operate.deploy import workflow as manifests
from pipeline.operate.deploy import workflow as schedule
from pipeline.operate.deploy.deployment import Deployment
from pipeline.operate.deploy.placed import iam
from pipeline.operate.deploy.workflow import workflow

MARK = "deployment.json"
"""The file by which a folder is known for one of ours."""


SCRIPT = "deploy.sh"


NUMERIC = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""Texts that YAML 1.2 reads as numbers, some of which YAML 1.1 does not, such as 1e3: labels may be written so."""


def files(deployment: Deployment) -> dict[str, str]:
    """Return every file: path in the folder to text."""
    yamls = {
        "workflow.yaml": workflow(deployment),
        "scheduler.yaml": schedule.scheduler_job(deployment),
        "iam.yaml": iam(deployment),
        **{f"run_jobs/{part}.yaml": made for part, made in manifests.run_jobs(deployment).items()},
    }
    jsons = {
        "lifecycle.json": placed.lifecycle(deployment),
        "authorised_views.json": texts.authorised_views(deployment),
        MARK: deployment.origin,
    }
    return {
        "README.md": texts.readme(deployment),
        SCRIPT: texts.script(deployment),
        **{name: _yaml(deployment, content) for name, content in yamls.items()},
        **{name: texts.grants_sql(deployment, kind) for name, kind in texts.KINDS.items()},
        **{name: f"{json.dumps(content, indent=2)}\n" for name, content in jsons.items()},
        "scheduler_body.json": f"{schedule.BODY}\n",
        "merge.py": resources.files("pipeline.operate.deploy").joinpath("merge.py").read_text(encoding="utf-8"),
    }


def write_deployment(deployment: Deployment, out: Path) -> list[str]:
    """Write the folder of a deployment, whole or not at all, and return the names of its files.

    Raises
    ------
    RequestError
        Something else is there: only an empty folder, or an earlier deployment, is replaced.
    """
    out = out.absolute()
    _check_place(out, deployment.job.name)
    made = files(deployment)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        new, old = Path(name) / "new", Path(name) / "old"
        _write(new, made)
        if out.exists():
            out.rename(old)
        new.rename(out)
    return sorted(made)


def _check_place(out: Path, job: str) -> None:
    if not out.parent.is_dir():
        raise RequestError(f"--out {out}: there is no folder {out.parent}", hint="make it first")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RequestError(f"--out {out}: is no folder", hint="name another place")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / MARK).is_file():
        raise RequestError(f"--out {out}: holds other files and no {MARK}", hint="name a folder of its own")
    if _deployed_in(out) != job:
        raise RequestError(f"--out {out}: its {MARK} is none of {job}", hint="name a folder of its own")


def _deployed_in(out: Path) -> str | None:
    """Return the job whose deployment a folder holds; other programs have files of this name, too."""
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except ValueError:
        return None
    ours = isinstance(mark, dict) and {"job", "target", "image", "code digest"} <= set(mark)
    return str(mark["job"]) if ours else None


def _write(folder: Path, made: Mapping[str, str]) -> None:
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / SCRIPT).chmod(0o755)


class _Dumper(yaml.SafeDumper):
    """Writes lists as people indent them, and what stands twice in full."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent lists below their key."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write no anchors."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if NUMERIC.fullmatch(text) else None)


_Dumper.add_representer(str, _text)


def _yaml(deployment: Deployment, content: Mapping[str, Any]) -> str:
    head = "".join(f"# {name}: {value}\n" for name, value in deployment.origin.items())
    text = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, width=1000)
    return f"# Written by `pipeline deploy`; README.md says what it is.\n{head}{text}"
