"""Reads text files as people save them, with or without a byte-order mark, and replaces a file as a whole."""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pipeline.errors import RequestError

MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}

HINT = "save it as UTF-8"


def read_text(path: Path) -> str:
    """Return the text of a file, without a byte-order mark and with a line feed at the end of each line.

    Raises
    ------
    OSError
        The file cannot be read.
    RequestError
        The file is not UTF-8; the message names the encoding or the line.
    """
    content = without_mark(path.read_bytes(), origin=str(path))
    try:
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        what = f"{path}:{line}: cannot be read: byte 0x{byte:02x} is not UTF-8"
        raise RequestError(what, hint=HINT) from error


def without_mark(content: bytes, *, origin: str) -> bytes:
    """Return content, or its beginning, without the byte-order mark of UTF-8.

    Parameters
    ----------
    origin
        Source of the content, for errors.

    Raises
    ------
    RequestError
        The mark is that of another encoding.
    """
    other = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    if other:
        raise RequestError(f"{origin}: cannot be read: its byte-order mark is that of {other}", hint=HINT)
    return content.removeprefix(codecs.BOM_UTF8)


def refuse_other_mark(path: Path) -> None:
    """Raise RequestError if a file begins with the byte-order mark of another encoding than UTF-8."""
    with path.open("rb") as file:
        without_mark(file.read(4), origin=str(path))


@contextmanager
def unmarked(path: Path) -> Iterator[Path]:
    """Yield a file without byte-order mark: the file itself, or a temporary copy without its mark.

    Raises
    ------
    RequestError
        The mark is that of another encoding than UTF-8.
    """
    with path.open("rb") as file:
        if without_mark(start := file.read(4), origin=str(path)) == start:
            yield path
            return
        file.seek(len(codecs.BOM_UTF8))
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            with copy.open("wb") as out:
                shutil.copyfileobj(file, out)
            yield copy


def replace_file(path: Path, content: bytes | bytearray) -> None:
    """Replace the content of a file: a reader sees the old content or the new, and a failure keeps the old."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
