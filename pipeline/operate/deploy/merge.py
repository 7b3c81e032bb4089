"""Adds what a deployment wants to what others have set, and writes a file only if something is missing.

deploy.sh calls a copy of this file, which lies next to it, with any Python that it finds, so nothing else is imported.

    python3 merge.py access CURRENT WANTED OUT       entries of a dataset's access list; prints the dataset's etag
    python3 merge.py lifecycle CURRENT WANTED OUT    rules of a bucket's lifecycle

CURRENT is the output of `bq show --format=json` or of `gcloud storage buckets describe --raw --format=json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def merged_access(current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the dataset with the entries that it lacks, or None if it lacks none."""
    entries = current.get("access", [])
    missing = [entry for entry in wanted["access"] if _dataset(entry) not in map(_dataset, entries)]
    return {**current, "access": entries + missing} if missing else None


def _dataset(entry: dict[str, Any]) -> Any:
    """Return the dataset that an entry authorises, or None for an entry of another kind."""
    reference = entry.get("dataset", {}).get("dataset", {})
    return (reference["projectId"], reference["datasetId"]) if reference else None


def merged_lifecycle(current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the rules of others and the wanted ones, or None if these are the current ones."""
    rules = wanted["lifecycle"]["rule"]
    before = current.get("lifecycle", {}).get("rule", [])
    ours = {tuple(rule["condition"]["matchesPrefix"]) for rule in rules}
    merged = [rule for rule in before if tuple(rule["condition"].get("matchesPrefix", [])) not in ours] + rules
    return None if sorted(map(_text, merged)) == sorted(map(_text, before)) else {"lifecycle": {"rule": merged}}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def main(kind: str, current: str, wanted: str, out: str) -> None:
    """Merge two files into a third, if that changes anything."""
    merge = {"access": merged_access, "lifecycle": merged_lifecycle}[kind]
    before = json.loads(Path(current).read_text(encoding="utf-8"))
    merged = merge(before, json.loads(Path(wanted).read_text(encoding="utf-8")))
    if merged is not None:
        Path(out).write_text(json.dumps(merged, indent=2), encoding="utf-8")
    if kind == "access":
        sys.stdout.write(before.get("etag", ""))


if __name__ == "__main__":
    main(*sys.argv[1:])
