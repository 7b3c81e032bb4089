"""The code of two runs: the job's Python files, libraries, engine and git commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.explain.changes import Change, changed_files, changed_lines, changes_of
from pipeline.explain.kept_bundle import commit_of
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.runs.identity import as_written


def code_group(pair: Pair) -> Group:
    """Compare the job's Python files; the digest of the definitions also covers libraries and the engine."""
    texts, a, b = pair.texts(".py"), _digest(pair.a), _digest(pair.b)
    changes = list(changed_files(*texts)) if texts else []
    if not texts and a and b and a != b:
        note = "files, libraries or the engine's contract: the digest is of all of them"
        changes = [Change("digest of code and libraries", "changed", a, b, note)]
    return Group("code", changes, pair.unread("its Python files"))


def libraries_group(pair: Pair) -> Group:
    """Compare the versions of libraries, and say what is known of the engine's contract number."""
    infos = [record.kept.info for record in pair.sides.values()]
    lost = pair.unread("its libraries") if None in infos else []
    a, b = (info.content["libraries"] if info and not lost else {} for info in infos)
    changes = list(changes_of(a, b))
    return Group("libraries", [*changes, *_contract(pair, changes)], lost)


def _contract(pair: Pair, libraries: list[Change]) -> list[Change]:
    """The number is part of the digest of the code, and stands nowhere else: what is left over is its doing."""
    a, b = (_digest(record) for record in pair.sides.values())
    texts = pair.texts(".py")
    if texts is None or a is None or b is None or a == b or libraries or texts[0] != texts[1]:
        return []
    return [Change("contract of the engine", "changed", note="files and libraries are the same, their digest is not")]


def commit_group(pair: Pair) -> Group:
    """Compare the git commits of the models; they are recorded, and decide nothing."""
    a, b = (_commits(record) for record in pair.sides.values())
    changes = [Change("git commit", "changed", ", ".join(a), ", ".join(b))] if a and b and a != b else []
    lost = [f"{letter}: no commit is known" for letter, found in zip("AB", (a, b), strict=True) if not found]
    unread = [f"{letter}: {said}" for letter, record in pair.sides.items() for said in record.kept.lost]
    return Group("git commit", changes, [*lost, *unread], decides=False)


def _commits(record: RunRecord) -> list[str]:
    return sorted({commit for info in record.kept.infos.values() if (commit := commit_of(info))})


def _digest(record: RunRecord) -> str | None:
    info = record.kept.info
    return record.claim.defines["code"] if record.claim else info.content["code_digest"] if info else None


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
