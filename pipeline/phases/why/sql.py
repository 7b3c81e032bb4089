"""The SQL of two runs: the statements that make their examples, and the functions that these call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.compare.texts import changed_files, changed_lines
from pipeline.compare.values import Change
from pipeline.identity import as_written
from pipeline.phases.why.group import Group, Pair
from pipeline.phases.why.record import RunRecord


@dataclass(frozen=True)
class Version:
    """A statement as a run used it.

    Parameters
    ----------
    digest
        What the run's definition holds.
    text
        The whole file, verbatim; None where no bundle holds it.
    """

    name: str
    digest: str
    text: str | None

    @property
    def written(self) -> str:
        """The name as people write it."""
        return as_written(self.name)


def sql_group(pair: Pair) -> Group:
    """Compare statements by their names without the version, and functions by their files."""
    texts = pair.texts(".sql") or ({}, {})
    a, b = (_versions(record, side) for record, side in zip(pair.sides.values(), texts, strict=True))
    known = {*a, *b} if a and b else set()
    statements = [change for stem in sorted(known) for change in _changes(stem, a, b)]
    functions = ({name: text for name, text in side.items() if name.startswith("udf/")} for side in texts)
    lost = [*pair.unread("the texts of its SQL"), *([] if a and b else pair.unclaimed())]
    return Group("SQL", [*statements, *changed_files(*functions)], lost)


def _versions(record: RunRecord, texts: Mapping[str, str]) -> dict[str, Version]:
    """Return a run's statements: those of its claim, or of its bundles where the claim is gone."""
    info = record.kept.info
    digests = record.claim.defines["sql"] if record.claim else info.content["sql_digests"] if info else {}
    return {
        name.rpartition("_v")[0]: Version(name, digest, texts.get(f"sql/{name}.sql"))
        for name, digest in digests.items()
    }


def _changes(stem: str, a: Mapping[str, Version], b: Mapping[str, Version]) -> Iterator[Change]:
    if stem not in b:
        yield Change(a[stem].written, "removed", a=a[stem].digest, lines=changed_lines(a[stem].text or "", ""))
    elif stem not in a:
        yield Change(b[stem].written, "added", b=b[stem].digest, lines=changed_lines("", b[stem].text or ""))
    else:
        yield from _changed(a[stem], b[stem])


def _changed(a: Version, b: Version) -> Iterator[Change]:
    lines = changed_lines(a.text, b.text) if a.text is not None and b.text is not None else ()
    if (a.name, a.digest) == (b.name, b.digest) and not lines:
        return
    what = a.written if a.name == b.name else f"{a.written} -> {b.written}"
    changed = Change(what, "changed", a.digest, b.digest, lines=lines)
    if a.digest == b.digest and lines:
        yield replace(changed, note="its header only: no digest sees that")
    elif a.text == b.text and a.text is not None:
        yield replace(changed, note="its own text is the same: a function that it calls differs")
    else:
        yield changed
