"""Start the emulators of a local directory that do not run, and explain in one line why one did not start."""

from __future__ import annotations

import re
import time

from pipeline.emulators import processes
from pipeline.emulators.processes import UNUSABLE, LocalFolder
from pipeline.emulators.servers import Answer, Server, all_servers
from pipeline.emulators.state import LocalState, ServerRecord, write_atomically
from pipeline.errors import CloudError, PipelineError, RequestError

START_SECONDS = 30.0

POLL_SECONDS = 0.02

ATTEMPTS = 5  # a free port may be taken by another process before the server has it

PORT_TAKEN = re.compile("address already in use|Failed to bind to address")

LOCK_HELD = re.compile(r"Could not set lock on file.*held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

LONGEST_LINE = 300


class Startup:
    """One attempt to start the emulators of a local directory; `state` has the processes that were started before."""

    def __init__(self, folder: LocalFolder, state: LocalState) -> None:
        self._folder = folder
        self._state = state
        self._started: list[ServerRecord] = []

    def run(self) -> LocalState:
        """Start the emulators that do not run, at the same time, and return when both answer.

        A failure stops the processes that were started.

        Raises
        ------
        RequestError
            The directory cannot be used, or another process has its tables open.
        CloudError
            An emulator ends, or does not answer within `START_SECONDS`.
        """
        servers = all_servers(self._folder)
        try:
            for server in servers:
                if not self._is_usable(server):
                    self._start(server, anywhere=False)
            for server in servers:
                self._wait(server)
        except BaseException:
            processes.stop(self._started)
            raise
        return self._state

    def _is_usable(self, server: Server) -> bool:
        """Keep a process that answers, or one that a killed command left while it was starting; end any other."""
        record = self._state.record(server.name)
        if record is None or not processes.is_alive(record):
            return False
        located = server.locate(record)
        if located is None and time.time() - record.started_at < START_SECONDS:
            return True
        if located and server.probe(located) is not Answer.NONE:
            return True
        processes.stop([record])
        return False

    def _start(self, server: Server, *, anywhere: bool) -> None:
        record = server.start(self._state.record(server.name), anywhere=anywhere)
        self._started.append(record)
        self._remember(server, record)

    def _remember(self, server: Server, record: ServerRecord) -> None:
        self._state = self._state.model_copy(update={server.name: record, "folder": self._folder.state.parent})
        write_atomically(self._folder.state, self._state)

    def _wait(self, server: Server) -> None:
        attempts, deadline = 1, time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            record = self._state.record(server.name)
            located = server.locate(record) if record else None
            if located and server.probe(located) is Answer.READY:
                self._remember(server, located)
                return
            if not processes.is_alive(record):
                if attempts == ATTEMPTS or not PORT_TAKEN.search(_read_log(server)):
                    raise _why_it_died(server)
                attempts += 1
                self._start(server, anywhere=True)
            time.sleep(POLL_SECONDS)
        hint = f"see {server.log}, then `pipeline local down` and up again"
        raise CloudError(f"{server.title} does not answer after {START_SECONDS:.0f} s", hint=hint)


def _read_log(server: Server) -> str:
    return server.log.read_text(encoding="utf-8", errors="replace") if server.log.exists() else ""


def _why_it_died(server: Server) -> PipelineError:
    """Return the last line of a log as an error: a RequestError if the user can fix the cause."""
    lines = [line for line in _read_log(server).splitlines() if line.strip()]
    last = lines[-1].strip()[:LONGEST_LINE] if lines else "its log is empty"
    if held := LOCK_HELD.search(last):
        message = f"the tables in {server.log.parents[1]} are in use by process {held['pid']} ({held['program']})"
        return RequestError(message, hint="end that process or give another --local-dir")
    if any(reason in last for reason in UNUSABLE):
        return RequestError(f"{server.title} cannot work in {server.log.parents[1]}: {last}")
    return CloudError(f"{server.title} ended while it started: {last}", hint=f"see {server.log}")
