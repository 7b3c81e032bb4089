"""Puts what a deployment wants beside what others have set, and writes a file only where something is missing.

A copy of this file lies beside deploy.sh, which calls it with the Python that it finds: it needs nothing else.

    python3 merge.py access CURRENT WANTED OUT       entries of a dataset's access list; prints the dataset's etag
    python3 merge.py lifecycle CURRENT WANTED OUT    rules of a bucket's lifecycle

CURRENT is what `bq show --format=json` or `gcloud storage buckets describe --raw --format=json` printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def merged_access(current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the dataset with the entries that it lacks, or None."""
    there = current.get("access", [])
    missing = [entry for entry in wanted["access"] if _dataset(entry) not in map(_dataset, there)]
    return {**current, "access": there + missing} if missing else None


def _dataset(entry: dict[str, Any]) -> Any:
    """Return which dataset an entry authorises, or None for one of another kind."""
    reference = entry.get("dataset", {}).get("dataset", {})
    return (reference["projectId"], reference["datasetId"]) if reference else None


def merged_lifecycle(current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the rules of others and the wanted ones, or None where that is what there is."""
    rules = wanted["lifecycle"]["rule"]
    there = current.get("lifecycle", {}).get("rule", [])
    ours = {tuple(rule["condition"]["matchesPrefix"]) for rule in rules}
    others = [rule for rule in there if tuple(rule["condition"].get("matchesPrefix", [])) not in ours]
    made = others + rules
    return None if sorted(map(_text, made)) == sorted(map(_text, there)) else {"lifecycle": {"rule": made}}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def main(kind: str, current: str, wanted: str, out: str) -> None:
    """Merge two files into a third, where that changes anything."""
    merge = {"access": merged_access, "lifecycle": merged_lifecycle}[kind]
    before = json.loads(Path(current).read_text(encoding="utf-8"))
    made = merge(before, json.loads(Path(wanted).read_text(encoding="utf-8")))
    if made is not None:
        Path(out).write_text(json.dumps(made, indent=2), encoding="utf-8")
    if kind == "access":
        sys.stdout.write(before.get("etag", ""))


if __name__ == "__main__":
    main(*sys.argv[1:])
