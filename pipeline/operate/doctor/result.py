"""The result of one check: a line, with what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import PipelineError

OK, NOTE, ERROR = "ok", "note", "error"

NOTED = "note: "
"""Prefix of a summary that is worth knowing, but no error."""

CREDENTIALS, APIS, LOCATIONS, BUCKET_SETTINGS, RIGHTS = "credentials", "apis", "locations", "bucket settings", "rights"
"""Groups of checks that some surroundings cannot make."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one check: `ok`, `note` or `error`, what it found and what to do about it, and an exit code."""

    check: str
    state: str
    summary: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.state:<6}{self.check}: {self.summary}"


@dataclass(frozen=True)
class Surroundings:
    """Facts that depend on where the target is.

    Parameters
    ----------
    requirements
        File in requirements/ that lists the packages needed there.
    unknown
        Groups of checks that cannot be made there, each with the reason.
    made_by
        What makes missing datasets and a missing bucket; empty if a person has to make them.
    """

    requirements: str = "runtime.txt"
    unknown: Mapping[str, str] = field(default_factory=dict)
    made_by: str = ""

    def note_on(self, group: str) -> CheckResult | None:
        """Return a note that a group of checks cannot be made here; None if it can be made."""
        reason = self.unknown.get(group)
        return None if reason is None else CheckResult(group, NOTE, f"not tested here: {reason}")

    def results_of(self, group: str, check: Callable[[], list[CheckResult]]) -> list[CheckResult]:
        """Make a group of checks, or return the note that it cannot be made here."""
        note = self.note_on(group)
        return [note] if note else check()


def result_of(check: str, look: Callable[..., str], *arguments: Any) -> CheckResult:
    """Return the result of a check from the summary that `look` returns, or from the error that it raises."""
    try:
        summary = look(*arguments)
    except PipelineError as error:
        return failed(check, error)
    return CheckResult(check, NOTE if summary.startswith(NOTED) else OK, summary.removeprefix(NOTED))


def failed(check: str, error: PipelineError) -> CheckResult:
    """Return the result of a check that raised an error."""
    return CheckResult(check, ERROR, str(error), error.exit_code)


def worst(results: Iterable[CheckResult]) -> int:
    """Return the exit code of the worst result: 0 if there is no error."""
    return max((result.exit_code for result in results), default=0)


def verdict(results: Sequence[CheckResult]) -> str:
    """Return one line about all results."""
    count = Counter(result.state for result in results)
    ready = "not ready: fix the errors, starting at the top" if count[ERROR] else "ready"
    return f"{ready} ({count[OK]} ok, {count[NOTE]} notes, {count[ERROR]} errors)"
