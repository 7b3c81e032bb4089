"""The folder of a deployment: its files, and how it replaces an older one."""

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
from pipeline.operate.deploy import names, placed, texts, workflow
from pipeline.operate.deploy.deployment import Deployment

MARK = "deployment.json"
"""The file that marks a folder as a deployment."""

SCRIPT = "deploy.sh"

NUMERIC = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""Texts that YAML 1.2 reads as numbers, though YAML 1.1 may not, such as 1e3: labels may look so."""


def files(deployment: Deployment) -> dict[str, str]:
    """Return every file: path in the folder to text."""
    yamls = {
        "workflow.yaml": workflow.workflow(deployment),
        "scheduler.yaml": workflow.scheduler_job(deployment),
        "iam.yaml": placed.iam(deployment),
        **{f"run_jobs/{part}.yaml": workflow.run_manifest(deployment, part) for part in names.PARTS},
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
        "scheduler_body.json": f"{workflow.BODY}\n",
        "merge.py": resources.files("pipeline.operate.deploy").joinpath("merge.py").read_text(encoding="utf-8"),
    }


def write_deployment(deployment: Deployment, out: Path) -> list[str]:
    """Write the folder of a deployment, whole or not at all, and return the names of its files.

    Raises
    ------
    RequestError
        The folder holds something else: only an empty folder, or an earlier deployment of the job, is replaced.
    """
    out = out.absolute()
    _check_out(out, deployment.job.name)
    content = files(deployment)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        new, old = Path(name) / "new", Path(name) / "old"
        _write(new, content)
        if out.exists():
            out.rename(old)
        new.rename(out)
    return sorted(content)


def _check_out(out: Path, job: str) -> None:
    if not out.parent.is_dir():
        raise RequestError(f"--out {out}: there is no folder {out.parent}", hint="make it first")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RequestError(f"--out {out}: not a folder", hint="name another one")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / MARK).is_file():
        raise RequestError(f"--out {out}: holds other files and no {MARK}", hint="name an empty or a new folder")
    if _deployed_in(out) != job:
        raise RequestError(f"--out {out}: its {MARK} is not of {job}", hint="name an empty or a new folder")


def _deployed_in(out: Path) -> str | None:
    """Return the job whose deployment a folder holds; other programs have files of this name, too."""
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except ValueError:
        return None
    ours = isinstance(mark, dict) and {"job", "target", "image", "code digest"} <= set(mark)
    return str(mark["job"]) if ours else None


def _write(folder: Path, content: Mapping[str, str]) -> None:
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / SCRIPT).chmod(0o755)


class _Dumper(yaml.SafeDumper):
    """Indents lists, and writes repeated values in full."""

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
    return f"# Written by `pipeline deploy`; see README.md.\n{head}{text}"
