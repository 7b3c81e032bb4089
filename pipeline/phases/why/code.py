"""The code of two runs: the job's Python files, libraries, engine and git commit."""

from __future__ import annotations

from pipeline.compare.texts import changed_files
from pipeline.compare.values import Change, changes_of
from pipeline.kept_bundles import commit_of
from pipeline.phases.why.group import Group, Pair
from pipeline.phases.why.record import RunRecord


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
