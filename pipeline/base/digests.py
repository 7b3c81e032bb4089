"""Digests: short names for content, the same on every machine; and unique names."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

SHORT = 16
"""Number of hex digits of a digest in labels and names (64 bits)."""


def digest_text(text: str) -> str:
    """Return 16 hex digits of the SHA-256 of a text with normalised newlines."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:SHORT]


def digest_json(value: Any) -> str:
    """Return 16 hex digits for a JSON value, independent of the order of keys."""
    return digest_text(canonical_json(value))


def full_digest_json(value: Any) -> str:
    """Return the full SHA-256 in hex of a JSON value, for content that an attacker may want to forge."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Return a JSON value in canonical form: sorted keys, no spaces, dates and others by `str`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)


def sha256_file(path: Path) -> str:
    """Return the full SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


UNIQUE = "-[0-9a-f]{12}"
"""Pattern of the suffix of `unique_name`."""


def unique_name(stem: str) -> str:
    """Return a stem with a random suffix, for an attempt or a repeatable job."""
    return f"{stem}-{uuid.uuid4().hex[:12]}"
