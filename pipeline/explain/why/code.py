"""The code of two runs: SQL, the job's Python files, libraries, engine and git commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.explain.changes import Change, changed_files, changed_lines, changes_of
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.models.bundle import BundleInfo
from pipeline.project.project import variant_name
from pipeline.runs.identity import as_written


def code_group(pair: Pair) -> Group:
    """Compare Python and data files; without them, the digests that also cover libraries and the engine.

    Equal digests mean equal code: they ignore comments and files that no model of both runs imports.
    """
    texts, (a, b) = pair.texts(".py"), _code_digests(pair)
    changes: list[Change] = []
    if texts and (a != b or a is None):
        changes = [*changed_files(*texts), *changes_of(_data(pair.a), _data(pair.b))]
    elif a != b:
        note = "the digest covers files, libraries and the engine's contract"
        changes = [Change("digest of code and libraries", "changed", a, b, note)]
    return Group("code", changes, pair.without_bundle("its Python files"))


def _data(record: RunRecord) -> dict[str, str]:
    """Return the SHA-256 of the data files in a run's whole bundle, by path."""
    files = record.bundles.whole.info.files if record.bundles.whole else {}
    known = {name: file for name, file in files.items() if name.startswith("jobs/")}
    return {name: file["sha256"] for name, file in known.items() if not name.endswith((".py", ".yaml"))}


def libraries_group(pair: Pair) -> Group:
    """Compare the versions of libraries and the contract number of the engine."""
    infos = [_by_name(record) for record in pair.sides.values()]
    not_compared = [] if all(infos) else pair.without_bundle("its libraries")
    names = set.intersection(*map(set, infos)) or set.union(*map(set, infos))  # each variant imports its own
    a, b = (
        {lib: version for name in sorted(names & own.keys()) for lib, version in own[name].content["libraries"].items()}
        for own in (infos if not not_compared else [{}, {}])
    )
    changes = list(changes_of(a, b))
    if not changes and _has_other_contract(pair):
        note = "files and libraries are equal, but their digest differs"
        changes = [Change("contract of the engine", "changed", note=note)]
    return Group("libraries", changes, not_compared)


def _has_other_contract(pair: Pair) -> bool:
    """Tell whether the digests of the code differ though the files are the same.

    The engine's contract number is only recorded as a part of this digest.
    """
    (a, b), texts = _code_digests(pair), pair.texts(".py")
    is_same = texts is not None and texts[0] == texts[1] and _data(pair.a) == _data(pair.b)
    return is_same and a != b


def commit_group(pair: Pair) -> Group:
    """Compare the git commits of the models; they are recorded, and have no effect on predictions."""
    a, b = (sorted({info.commit for info in run.bundles.infos.values()} - {""}) for run in pair.sides.values())
    changes = [Change("git commit", "changed", ", ".join(a), ", ".join(b))] if a and b and a != b else []
    missing = [f"{letter}: no known commit" for letter, commits in (("A", a), ("B", b)) if not commits]
    errors = [f"{letter}: {error}" for letter, record in pair.sides.items() for error in record.bundles.errors]
    return Group("git commit", changes, [*missing, *errors], decides=False)


def _code_digests(pair: Pair) -> tuple[dict[str, str] | None, dict[str, str] | None]:
    """Return the digests of the code of the variants that both runs have, by name; both None without any."""
    a, b = (_digests_of(record) for record in pair.sides.values())
    shared = a.keys() & b.keys()
    if not shared:
        return None, None
    return {name: a[name] for name in sorted(shared)}, {name: b[name] for name in sorted(shared)}


def _digests_of(record: RunRecord) -> dict[str, str]:
    if record.claim:
        return dict(record.claim.defines["code"])
    return {name: str(info.content["code_digest"]) for name, info in _by_name(record).items()}


def _by_name(record: RunRecord) -> dict[str, BundleInfo]:
    return {variant_name(variant): info for variant, info in record.bundles.infos.items()}


@dataclass(frozen=True)
class SqlVersion:
    """A SQL file as a run used it.

    Parameters
    ----------
    digest
        Its digest in the run's definition.
    text
        The whole file, verbatim; None if no bundle holds it.
    """

    name: str
    digest: str
    text: str | None


def sql_group(pair: Pair) -> Group:
    """Compare statements by their names without the version, and functions by their files."""
    texts = pair.texts(".sql") or ({}, {})
    a, b = (_versions(record, files) for record, files in zip(pair.sides.values(), texts, strict=True))
    names = {*a, *b} if a and b else set()
    statements = [change for name in sorted(names) for change in _changes(a.get(name), b.get(name))]
    functions = ({path: text for path, text in files.items() if path.startswith("udf/")} for files in texts)
    not_compared = [*pair.without_bundle("the texts of its SQL"), *([] if a and b else pair.without_claim())]
    return Group("SQL", [*statements, *changed_files(*functions)], not_compared)


def _versions(record: RunRecord, texts: Mapping[str, str]) -> dict[str, SqlVersion]:
    """Return a run's statements by name without version, from its claim, or from its bundles without a claim."""
    info = record.bundles.info
    digests = record.claim.defines["sql"] if record.claim else info.content["sql_digests"] if info else {}
    return {
        name.rpartition("_v")[0]: SqlVersion(name, digest, texts.get(f"sql/{name}.sql"))
        for name, digest in digests.items()
    }


def _changes(a: SqlVersion | None, b: SqlVersion | None) -> Iterator[Change]:
    if a and b:
        yield from _changed(a, b)
    elif a:
        yield Change(as_written(a.name), "removed", a=a.digest, lines=changed_lines(a.text or "", ""))
    elif b:
        yield Change(as_written(b.name), "added", b=b.digest, lines=changed_lines("", b.text or ""))


def _changed(a: SqlVersion, b: SqlVersion) -> Iterator[Change]:
    lines = changed_lines(a.text, b.text) if a.text is not None and b.text is not None else ()
    if (a.name, a.digest) == (b.name, b.digest) and not lines:
        return
    name = as_written(a.name) if a.name == b.name else f"{as_written(a.name)} -> {as_written(b.name)}"
    change = Change(name, "changed", a.digest, b.digest, lines=lines)
    if a.digest == b.digest and lines:
        yield replace(change, note="only its header, which the digest does not cover")
    elif a.text == b.text and a.text is not None:
        yield replace(change, note="its own text is the same: a function that it calls differs")
    else:
        yield change
