"""What decides predictions besides SQL and configuration: code, data files, versions; and the git commit."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from pipeline.base.digests import canonical_json, digest_json, digest_text, sha256_file
from pipeline.base.strict_yaml import read_yaml
from pipeline.errors import RequestError
from pipeline.model_config import ModelConfig
from pipeline.project.imported_files import DOTTED, OWN, ImportedFiles, imported_files
from pipeline.project.project import Job, Variant
from pipeline.sql import Catalogue

ENGINE_CONTRACT = 1
"""Version of the engine's effect on predictions: raised when the engine changes what predictions are."""

NUMERIC_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "joblib", "polars")
"""Libraries whose version can change any prediction."""

DISTRIBUTIONS = {"sklearn": "scikit-learn"}
"""Distributions of modules with another name; looking one up among all installed ones takes 0.2 s."""

LARGEST = 256 * 1024**2
"""Largest data file of a job, in bytes: every bundle holds it."""

GIT_SECONDS = 10.0
"""Timeout of a call of git, in seconds."""

COMMIT_FILE, WRITTEN = "COMMIT", re.compile(r"([0-9a-f]{40})(-dirty)?")
"""File with the commit in a project folder without .git, and its format."""

FOLDERS = ("jobs", "sql", "udf")
"""Folders of a project in which a file that git does not track makes the commit dirty."""

CACHES = ":(exclude,glob)**/__pycache__/**"

OF_FOLDER = ("rev-parse", "HEAD", "HEAD:./")
"""Arguments of git that return the commit and fail when an enclosing checkout does not track the folder."""


def library_versions(modules: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of Python, of the numeric libraries and of the distributions of modules, by name."""
    found = {name for module in modules for name in distributions(module)}
    versions = {name: metadata.version(name) for name in {*NUMERIC_LIBRARIES, *found}}
    return dict(sorted({**versions, "python": platform.python_version()}.items()))


@cache
def distributions(module: str) -> tuple[str, ...]:
    """Return the distributions of a module: empty for the standard library, our code and missing modules."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in OWN:
        return ()
    name = DISTRIBUTIONS.get(top, top)
    try:
        return (_canonical(metadata.metadata(name)["Name"]),)
    except metadata.PackageNotFoundError:
        return tuple(map(_canonical, metadata.packages_distributions().get(top, ())))


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def digest_of_code(job: Job) -> str:
    """Return a digest of what can change a job's predictions besides SQL and configuration."""
    return digest_json(code_digests(job))


def code_digests(job: Job) -> dict[str, str]:
    """Return the digest of each variant's code, by the variant's name."""
    return {variant.name: digest_of_variant(job, variant) for variant in job.variants}


def digest_of_variant(job: Job, variant: Variant) -> str:
    """Return a digest of what can change a variant's model besides SQL, configuration and training rows.

    It covers the Python files that its class imports, of all jobs, without comments and docstrings; the data files in
    their folders; the versions of Python, of the numeric libraries and of those that it imports; the engine's contract.
    """
    code = _imported(job, [variant])
    files = {_name(job, path): _digest(path, code) for path in _deciding_files(job, code)}
    return digest_json([files, library_versions(code.outside), ENGINE_CONTRACT])


def _imported(job: Job, variants: Iterable[Variant]) -> ImportedFiles:
    """Follow the imports of variants, from their classes and from modules that their parameters name."""
    modules = {
        module: str(variant.path)
        for variant in variants
        for module in (variant.config.model.partition(":")[0], *DOTTED.findall(canonical_json(variant.config.params)))
    }
    return imported_files(job.folder.parent, modules)


def _name(job: Job, path: Path) -> str:
    """Return the path of a file below the project's root."""
    return path.relative_to(job.folder.parent.parent).as_posix()


def _deciding_files(job: Job, code: ImportedFiles) -> list[Path]:
    """Return the Python files that models run, and the data files in the folders of these, which they may read."""
    jobs = job.folder.parent
    places = {job.folder, *(jobs / path.relative_to(jobs).parts[0] for path in code.files)}
    near = [path for place in places for path in place.rglob("*")]
    if any(path.parent == jobs for path in code.files):
        near += [path for path in jobs.glob("*") if path.is_file()]
    data = {path for path in near if _is_data(path, jobs)}
    python = {path for path in near if path.suffix == ".py" and path.is_file()} if code.is_dynamic else set()
    return sorted({*code.files, *data, *python})


def _is_data(path: Path, jobs: Path) -> bool:
    """Tell whether a path below jobs/ is a file that is neither code nor documentation, nor configuration.

    Raises
    ------
    RequestError
        It is a link to a folder, or too large for a bundle.
    """
    parts = path.relative_to(jobs).parts
    if path.suffix in (".py", ".pyc") or any(part.startswith(".") or part == "__pycache__" for part in parts):
        return False
    if path.is_dir() and path.is_symlink():
        raise RequestError(f"{path}: a link to a folder", hint="copy the files: they are part of runs and bundles")
    if not path.is_file() or path.name in ("README.md", "job.yaml") or (path.suffix == ".yaml" and _is_variant(path)):
        return False
    if path.stat().st_size > LARGEST:
        what = f"{path}: larger than {LARGEST // 1024**2} MiB, and every bundle would hold it"
        raise RequestError(what, hint="load it as a source, or install it as a package")
    return True


def _is_variant(path: Path) -> bool:
    """Tell whether a YAML file configures a variant, listed in job.yaml or not: it changes no other variant."""
    try:
        read_yaml(path, ModelConfig)
    except RequestError:
        return False
    return True


def _digest(path: Path, code: ImportedFiles) -> str:
    """Return the digest of a file: of Python its syntax, unless code may read or run the text itself."""
    if path.suffix == ".py":
        return digest_text(path.read_text(encoding="utf-8-sig") if code.is_dynamic else code.files[path])
    status = path.stat()
    return _digest_of_data(path, status.st_mtime_ns, status.st_size)


@cache
def _digest_of_data(path: Path, modified: int, size: int) -> str:  # noqa: ARG001 - a changed file is another key
    return sha256_file(path)


@cache
def git_commit(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout and whether files differ from it or are not tracked; None outside a checkout.

    An image has no checkout; a file names the commit that it was built from (see Dockerfile).
    """
    found = _git(root, *OF_FOLDER)
    if found is None:
        path = root / COMMIT_FILE
        written = WRITTEN.fullmatch(path.read_text(encoding="utf-8").strip()) if path.is_file() else None
        return (written[1], bool(written[2])) if written else (None, None)
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "--", *FOLDERS, CACHES)
    return found.split()[0], (changed, untracked) != ("", "")  # a git that does not answer has not said "clean"


def why_no_commit(root: Path) -> str:
    """Return the reason why the commit of a folder is unknown, as part of a message."""
    if not _is_checkout(root):
        return f"{root.resolve()} is not a git checkout"
    return _ask_git(root, *OF_FOLDER)[1]


@cache
def why_git_refuses(root: Path) -> str:
    """Return the reason why git tells nothing of a checkout, such as another owner of it; empty if git answers."""
    return _ask_git(root, "rev-parse", "--git-dir")[1] if _is_checkout(root) else ""


def _is_checkout(root: Path) -> bool:
    """Tell whether a folder is in a checkout, which git itself may refuse to tell."""
    resolved = root.resolve()
    return any((folder / ".git").exists() for folder in (resolved, *resolved.parents))


def is_untracked(root: Path, path: Path) -> bool:
    """Tell whether git does not track a file of a checkout; False outside a checkout."""
    return bool(_git(root, "ls-files", "--others", "--", str(path)))


def commit_name(commit: str | None, *, dirty: bool | None) -> str | None:
    """Return a commit with `-dirty` appended if files differed from it; None without a commit."""
    return f"{commit}-dirty" if commit and dirty else commit


def _git(root: Path, *arguments: str) -> str | None:
    return _ask_git(root, *arguments)[0]


def _ask_git(root: Path, *arguments: str) -> tuple[str | None, str]:
    """Return the output of git, or None and the reason of its failure."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return None, "git is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"git does not answer ({type(error).__name__})"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    first = next(iter(done.stderr.splitlines()), f"exit code {done.returncode}")
    return None, f"git says: {first.removeprefix('fatal: ')}"


def imported_modules(job: Job, variants: Iterable[Variant] = ()) -> frozenset[str]:
    """Return the modules that are no files below jobs/ and that models import, directly or through files there.

    Modules that only fixtures and sources import are left out: they may be missing where models run.

    Parameters
    ----------
    variants
        By default all variants.
    """
    return _imported(job, variants or job.variants).outside


def code_texts(job: Job, variants: Iterable[Variant] = ()) -> dict[str, str]:
    """Return the texts of the Python files that models run, and digests of data files, by path below the root."""
    code = _imported(job, variants or job.variants)
    return {
        _name(job, path): path.read_text(encoding="utf-8")
        if path.suffix == ".py"
        else f"SHA-256 {_digest(path, code)}\n"
        for path in _deciding_files(job, code)
    }


def project_files(job: Job, catalogue: Catalogue, sql: Iterable[str]) -> dict[str, bytes]:
    """Return the files that reproduce a job's models, by their path below the project's root.

    Parameters
    ----------
    sql
        Names of the statements that make the job's examples.
    """
    own = [path for path in job.folder.rglob("*") if path.suffix in (".py", ".yaml") and path.is_file()]
    paths = sorted({*own, *_deciding_files(job, _imported(job, job.variants))})
    files = {_name(job, path): path.read_bytes() for path in paths}
    for name in sql:
        asset = catalogue.get(name)
        files[f"sql/{name}.sql"] = asset.text.encode()
        files |= {f"{function.name}.sql": function.text.encode() for function in asset.functions}
    return files
