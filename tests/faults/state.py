"""The state after a run, without values that differ between undisturbed runs: times, unique names, attempts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from google.api_core import exceptions

from pipeline.runs.session import Session
from tests.faults.victims import DAY, tiny_job

State = dict[str, Counter[str]]
"""Rows as JSON with their counts, by table or kind of object."""

TABLES = {
    "predictions": ("ml", "flight_delay__predictions_v1", ()),
    "champion view": ("ml", "flight_delay__predictions", ()),
    "metrics": ("ml", "metrics_v1", ("evaluated_at",)),
    "comparisons": ("ml", "comparisons_v1", ("evaluated_at",)),
    "drift": ("ml", "drift_v1", ("measured_at",)),
    "verdicts": ("ml", "verdicts_v1", ("decided_at",)),
    "champions": ("ml_ledger", "champions_v1", ("decided_at",)),
    "models": ("ml_ledger", "models_v1", ("recorded_at", "uri", "bundle_digest")),
    "events": ("ml_ledger", "events_v1", ("recorded_at", "uri", "seconds")),
}
"""Dataset and name of each table, with the columns that differ between undisturbed runs."""

MEASURED = ("bytes", "slot_ms", "cost", "jobs", "statements")
"""Details that an event has only if the attempt that did the work also recorded it; the same holds for its seconds."""

JUDGEMENTS = ("verdicts", "champions", "champion view")


def state_of(session: Session) -> State:
    """Return the state of a session's tables and objects."""
    tables = {name: Counter(_rows(session, *place)) for name, place in TABLES.items()}
    return tables | {"committed files": Counter(_files(session)), "claims": Counter(_claims(session))}


def lost(reference: State, found: State) -> int:
    """Return the number of missing rows."""
    return sum((reference[name] - found[name]).total() for name in reference)


def doubled(reference: State, found: State) -> int:
    """Return the number of rows in excess."""
    return sum((found[name] - reference[name]).total() for name in reference)


def wrong_verdicts(reference: State, found: State) -> int:
    """Return the number of tables with another champion or verdict."""
    return sum(reference[name] != found[name] for name in JUDGEMENTS)


def differences(reference: State, found: State) -> list[str]:
    """Return a line for each different row, for people."""
    return [
        f"{name}: {sign}{count} {row[:300]}"
        for name in reference
        for sign, rows in (("-", reference[name] - found[name]), ("+", found[name] - reference[name]))
        for row, count in rows.items()
    ]


def _rows(session: Session, dataset: str, table: str, differing: Iterable[str]) -> Iterable[str]:
    client, place = session.warehouse._client, f"{session.target.project}.{dataset}.{table}"
    try:
        rows = client.query_and_wait(f"SELECT * FROM `{place}`", api_timeout=20)
    except exceptions.NotFound:
        return []
    left_out = set(differing)
    return [
        _as_text({name: _settled(name, value) for name, value in row.items() if name not in left_out}) for row in rows
    ]


def _settled(name: str, value: Any) -> Any:
    """Drop measurements and round floats to ten digits, because the order of sums changes the last digits."""
    if name == "details" and value is not None:
        return {key: held for key, held in json.loads(value).items() if key not in MEASURED}
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _files(session: Session) -> Iterable[str]:
    """Yield the files that markers and manifests commit, with their actual content."""
    store, job = session.store, tiny_job(session)
    for kind in ("models", "predictions"):
        for item in store.list(store.uri(job.name, kind, str(DAY)) + "/"):
            if not item.uri.endswith(".json") or "/bundle-" in item.uri:
                continue
            content = store.read_json(item.uri)
            if "shards" in content:
                yield from (_shard(session, shard) for shard in content["shards"])
            elif "bundle_digest" in content:
                yield _as_text({key: content[key] for key in ("variant", "model_id", "training_rows", "data_checksum")})
                yield from _bundle(session, content["uri"])
            elif "exit_code" in content:
                yield _as_text(content)


def _shard(session: Session, shard: Mapping[str, Any]) -> str:
    content = session.store.read_bytes(shard["uri"]) or b"missing"
    rows = sorted(content.decode().splitlines())
    return _as_text({key: shard[key] for key in ("shard", "rows", "size", "crc32c", "sha256")} | {"content": rows})


def _bundle(session: Session, uri: str) -> Iterable[str]:
    bundle = json.loads(session.store.read_bytes(f"{uri}/bundle.json") or b"{}")
    for name, described in bundle.get("files", {}).items():
        content = session.store.read_bytes(f"{uri}/{name}")
        yield _as_text({"file": name, "described": described, "size": len(content or b"")})


def _claims(session: Session) -> Iterable[str]:
    store, job = session.store, tiny_job(session)
    for item in store.list(store.uri(job.name, "attempts", str(DAY), "generations") + "/"):
        claim = store.read_json(item.uri)
        yield _as_text({key: claim[key] for key in ("run_id", "generation", "definition", "champion")})


def _as_text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, default=str)
