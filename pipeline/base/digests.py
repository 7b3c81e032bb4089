"""Digests: short names for content, the same on every machine."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

SHORT = 16
"""Hex digits of a digest in labels and names (64 bits)."""


def digest_text(text: str) -> str:
    """Return 16 hex digits of the SHA-256 of a text with normalised newlines."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:SHORT]


def digest_json(value: Any) -> str:
    """Return 16 hex digits for a JSON value, independent of the order of keys."""
    return digest_text(canonical_json(value))


def full_digest_json(value: Any) -> str:
    """Return the full SHA-256 in hex of a JSON value: for what somebody may want to forge."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Write a JSON value in one canonical form (sorted keys, no spaces; dates and others by `str`)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)


def sha256_file(path: Path) -> str:
    """Return the full SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


UNIQUE = "-[0-9a-f]{12}"
"""Pattern of what `unique_name` appends."""


def unique_name(stem: str) -> str:
    """Return a name that nobody else uses: of an attempt, or of a job that may be repeated."""
    return f"{stem}-{uuid.uuid4().hex[:12]}"
