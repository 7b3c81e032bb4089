"""Faults of a call, and plans that say which call has which fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

STATUSES = (408, 429, 500, 502, 503, 504)
REASONS = {408: "timeout", 429: "rateLimitExceeded", 500: "internalError", 502: "backendError", 503: "backendError"}

KINDS = {
    "jobs.insert": r"POST /bigquery/v2/projects/[^/]+/jobs",
    "jobs.get": r"GET /bigquery/v2/projects/[^/]+/jobs/[^/]+",
    "jobs.getQueryResults": r"GET /bigquery/v2/projects/[^/]+/queries/[^/]+",
    "jobs.query": r"POST /bigquery/v2/projects/[^/]+/queries",
    "tables.get": r"GET /bigquery/v2/projects/[^/]+/datasets/[^/]+/tables/[^/]+",
    "tables.list": r"GET /bigquery/v2/projects/[^/]+/datasets/[^/]+/tables",
    "tables.insert": r"POST /bigquery/v2/projects/[^/]+/datasets/[^/]+/tables",
    "tables.patch": r"PATCH /bigquery/v2/projects/[^/]+/datasets/[^/]+/tables/[^/]+",
    "routines.list": r"GET /bigquery/v2/projects/[^/]+/datasets/[^/]+/routines",
    "objects.upload": r"POST /upload/storage/v1/b/[^/]+/o",
    "objects.download": r"GET /download/storage/v1/b/[^/]+/o/.+",
    "objects.get": r"GET /storage/v1/b/[^/]+/o/.+",
    "objects.list": r"GET /storage/v1/b/[^/]+/o",
    "buckets.get": r"GET /storage/v1/b/[^/]+",
}
"""Kinds of calls over HTTP, by method and path; those over gRPC are `CreateReadSession` and `ReadRows`."""

GRPC_KINDS = ("CreateReadSession", "ReadRows")


def kind_of(method: str, path: str) -> str:
    """Return the kind of a call over HTTP."""
    line = f"{method} {path.partition('?')[0]}"
    return next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, line)), f"other: {line}")


@dataclass(frozen=True)
class Fault:
    """A fault of a call.

    Parameters
    ----------
    action
        kill, term: this signal ends the caller.
        drop: the connection is closed without a reply; reset: it is reset.
        status: the reply is an error, in the format of Google's APIs if there is a `reason`.
        hang: no reply comes before the caller's timeout; delay: the reply is late.
        truncate: half of the reply is sent; flip_reply, flip_request: one bit is flipped.
        backend_error: the job is DONE with an error of the service, or with `reason`.
    carried_out
        Whether the server has executed the call.
    reason, message
        Reason and message of Google's APIs; a load balancer gives no reason.
    """

    action: str
    carried_out: bool = False
    status: int = 0
    reason: str = ""
    message: str = "a fault of the tests"

    def __str__(self) -> str:
        name = f"{self.status} {self.reason or 'without a reason'}" if self.status else self.action.replace("_", " ")
        return f"{name}, {'after' if self.carried_out else 'before'} the call"


@dataclass(frozen=True)
class Strike:
    """A fault of the n-th call, of all calls or of one kind, and of `times` calls in a row."""

    fault: Fault
    number: int
    kind: str = ""
    times: int = 1

    def hits(self, number: int, kind: str, number_of_kind: int) -> bool:
        """Tell whether the fault happens to a call."""
        counted = number_of_kind if self.kind else number
        return self.kind in ("", kind) and self.number <= counted < self.number + self.times

    def __str__(self) -> str:
        return f"{self.fault} {self.kind}#{self.number}"


@dataclass
class Plan:
    """The faults of one run, its calls, and the number of faults that happened."""

    strikes: tuple[Strike, ...] = ()
    calls: list[str] = field(default_factory=list)
    struck: int = 0

    def next_fault(self, kind: str) -> Fault | None:
        """Count a call and return its fault, or None."""
        self.calls.append(kind)
        count, of_kind = len(self.calls), self.calls.count(kind)
        fault = next((strike.fault for strike in self.strikes if strike.hits(count, kind, of_kind)), None)
        self.struck += fault is not None
        return fault


KILLS = [Fault("kill"), Fault("kill", carried_out=True)]
TERMS = [Fault("term"), Fault("term", carried_out=True)]
CONNECTION_FAULTS = [
    Fault("drop", carried_out=True),
    Fault("reset"),
    Fault("reset", carried_out=True),
    Fault("hang"),
    Fault("hang", carried_out=True),
    Fault("delay"),
    Fault("truncate", carried_out=True),
]
STATUS_FAULTS = [
    Fault("status", carried_out, status, reason)
    for status in STATUSES
    for reason in dict.fromkeys(("", REASONS.get(status, "")))
    for carried_out in (False, True)
]


def faults_for(kind: str) -> list[Fault]:
    """Return the faults that are tried on a kind of call."""
    faults = [*CONNECTION_FAULTS, *STATUS_FAULTS]
    if kind in GRPC_KINDS:
        return [fault for fault in faults if fault.action not in ("reset", "status") or fault.status == 503]
    if kind == "jobs.insert":
        faults += [Fault("backend_error"), Fault("backend_error", carried_out=True)]
    if kind == "objects.download":
        faults += [Fault("flip_reply", carried_out=True)]
    if kind == "objects.upload":
        faults += [Fault("flip_request", carried_out=True)]
    return faults
