"""Record what must not change while code moves, and compare two records.

A record holds definitions, statements, deployments, parameters of commands, and what tiny runs of the jobs leave and
answer. It is made with the package and the jobs of the current folder; this file may belong to another checkout:

    PYTHONPATH=$PWD:OTHER_CHECKOUT python -m tools.evidence record FILE
    python -m tools.evidence compare FILE_A FILE_B
"""

from __future__ import annotations

import difflib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RENAMED = {"said": "summary"}
"""Keys of JSON that get another name on purpose: `compare` reads the old one as the new one."""

ALLOWED = {
    "identities": "digests and ids that follow from the text of the jobs' files",
    "wording": "text that people read: help, messages, pages of a deployment",
}
"""Sections of a record that may differ."""


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of everything that holds no other values; a list of texts is one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{RENAMED.get(key, key)}")
    elif isinstance(value, list) and not all(isinstance(inner, str) for inner in value):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{index}")
    else:
        yield path.removeprefix("/"), value


def lines_of(value: Any) -> list[str]:
    """Return the lines of a value as `leaves` yields it."""
    return [str(line) for line in (value if isinstance(value, list) else [value])]


def differences(a: Any, b: Any) -> Iterator[str]:
    """Yield each difference of two records: its path, and the lines that differ."""
    before, after = dict(leaves(a)), dict(leaves(b))
    for path in sorted({*before, *after}):
        old, new = before.get(path, []), after.get(path, [])
        if old != new and not path.endswith("/sha256"):  # the lines of that text differ, too
            changed = difflib.unified_diff(lines_of(old), lines_of(new), n=0, lineterm="")
            yield "\n    ".join([path, *list(changed)[2:]])


def compare(a: dict[str, Any], b: dict[str, Any]) -> int:
    """Print the differences of two records, the allowed ones apart, and return how many others there are."""
    for section, meaning in ALLOWED.items():
        allowed = list(differences(a.get(section, {}), b.get(section, {})))
        print(f"allowed, {section} ({meaning}): {len(allowed)}", *allowed, sep="\n  ")
    found = list(differences(*({key: side[key] for key in side if key not in ALLOWED} for side in (a, b))))
    print(f"not allowed: {len(found)}", *found, sep="\n  ")
    return len(found)


def record() -> dict[str, Any]:
    """Return the record of the checkout in the current folder."""
    import pipeline
    from tools.evidence_recorder import record_of

    root = Path.cwd()
    if not Path(pipeline.__file__).is_relative_to(root):
        raise SystemExit(f"{pipeline.__file__} is not below {root}: run with PYTHONPATH=$PWD")
    with tempfile.TemporaryDirectory() as folder:
        return record_of(root, Path(folder))


def main(action: str, *files: str) -> int:
    """Record into a file, or compare two files; return the exit code."""
    if action == "compare":
        a, b = (json.loads(Path(file).read_text(encoding="utf-8")) for file in files)
        return min(compare(a, b), 1)
    text = json.dumps(record(), indent=1, sort_keys=True, ensure_ascii=False)
    Path(files[0]).write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
