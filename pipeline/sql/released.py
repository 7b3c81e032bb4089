"""Released versions: `sql/released.json` lists their digests, and a released version never changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.files import replace_file
from pipeline.errors import RequestError
from pipeline.sql.catalogue import Catalogue


def released_file(root: Path) -> Path:
    """Return the path of a project's list of released versions."""
    return root / "sql" / "released.json"


def read_released(root: Path) -> dict[str, str]:
    """Return the digests of released versions by name; empty without a list.

    Raises
    ------
    RequestError
        The list is damaged.
    """
    path = released_file(root)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{path}: not valid JSON ({error})", hint="restore it from git") from error
    if not isinstance(content, dict) or not all(isinstance(digest, str) for digest in content.values()):
        raise RequestError(f"{path}: not an object of names and digests", hint="restore it from git")
    return content


def broken_releases(catalogue: Catalogue, root: Path) -> dict[str, str]:
    """Return the released versions that are missing or changed, each with what is wrong."""
    names, found = catalogue.well_named(), {}
    for name, digest in read_released(root).items():
        if name not in names:
            found[name] = "was released and is missing; restore it"
        elif catalogue.any(name).digest != digest:
            found[name] = f"was released with another body; restore it and make {_next(name, names)}"
    return found


def freeze(catalogue: Catalogue, root: Path, names: Sequence[str] = ()) -> list[str]:
    """Record the digests of versions that are not released yet, and return their names.

    Parameters
    ----------
    names
        Versions to release; all when empty.

    Raises
    ------
    RequestError
        A name is unknown, or a released version was changed.
    """
    known, released, broken = catalogue.names(), read_released(root), broken_releases(catalogue, root)
    unknown = sorted(set(names) - set(known))
    if unknown or broken:
        what = f"{unknown[0]}: no such version" if unknown else f"{next(iter(broken))} {next(iter(broken.values()))}"
        raise RequestError(what, hint="see pipeline sql list")
    new = [name for name in names or known if name not in released]
    released |= {name: catalogue.any(name).digest for name in new}
    replace_file(released_file(root), f"{json.dumps(released, indent=1, sort_keys=True)}\n".encode())
    return new


def _next(name: str, names: Sequence[str]) -> str:
    """Return the name for the next version. A function has none: its digest is part of its name in BigQuery."""
    if name.startswith("udf/"):
        return f"{name}_2"
    stem = name.rpartition("_v")[0]
    versions = [int(other.rpartition("_v")[2]) for other in [*names, name] if other.rpartition("_v")[0] == stem]
    return f"{stem}_v{max(versions) + 1}"
