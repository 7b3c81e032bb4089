"""Billing labels of BigQuery jobs and tables; those of jobs belong to a thread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

LONGEST = 63


def as_labels(values: Mapping[str, str]) -> dict[str, str]:
    """Return labels in the form that BigQuery takes: at most 63 characters of a-z 0-9 _ -."""
    return {key: re.sub("[^a-z0-9_-]", "_", value.lower())[:LONGEST] for key, value in values.items()}


_LABELS: ContextVar[Mapping[str, str]] = ContextVar("labels of jobs", default=MappingProxyType({}))


def job_labels() -> Mapping[str, str]:
    """Return the labels of jobs that this thread sends now."""
    return _LABELS.get()


def label_from_here(**labels: str) -> None:
    """Add labels until the enclosing `labelled` ends."""
    _LABELS.set({**_LABELS.get(), **labels})


@contextmanager
def labelled(**labels: str) -> Iterator[None]:
    """Add labels in a block; inner ones win. Not around a `yield`: its consumer would get the labels, too."""
    token = _LABELS.set({**_LABELS.get(), **labels})
    try:
        yield
    finally:
        _LABELS.reset(token)
