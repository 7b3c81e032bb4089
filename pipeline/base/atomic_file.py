"""Replaces a file as a whole."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4


def replace_file(path: Path, content: bytes | bytearray) -> None:
    """Replace the content of a file: a reader sees the old content or the new, and a failure keeps the old."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
