"""Runs one point of the matrix: restore the saved state, run through the proxy with a fault, run again, compare."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from pipeline.operate.sources import load_sources
from pipeline.project.target import Endpoints, Target
from tests.faults import victims
from tests.faults.faults import Plan, Strike
from tests.faults.proxy import Proxy
from tests.faults.reader import poll
from tests.faults.servers import Servers, copy_state
from tests.faults.state import State, differences, state_of
from tests.faults.victims import Step, session_at, tiny_job

PATIENCE = 60.0
"""Seconds that a process may take."""
SHOWN = 12
"""Number of different rows in an explanation."""

fork_context = multiprocessing.get_context("fork")


@dataclass
class Outcome:
    """The result of a point.

    Parameters
    ----------
    first, again
        Exit codes of the disturbed process and of the process after it.
    state
        The state afterwards.
    plan
        Calls and faults of the proxy; None without a proxy.
    output
        Output of both processes.
    seen
        Results of the reader's queries meanwhile.
    """

    first: int
    again: int
    state: State
    plan: Plan | None = None
    output: str = ""
    seen: set[str] = field(default_factory=set)


class Lab:
    """Emulators and processes of one worker.

    Parameters
    ----------
    folder
        Folder of this worker only.
    parsed
        File of the texts that an earlier emulator has parsed; the first emulator that ends writes it if None.
    """

    def __init__(self, folder: Path, parsed: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.parsed = folder, parsed or folder / "parsed.pickle"
        self.servers = Servers(self.parsed)

    @property
    def live(self) -> Path:
        """Folder of the emulators of a point."""
        return self._folder / "live"

    def save_sources(self, saved: Path, sources: Path) -> None:
        """Save the state from which every point starts: datasets, bucket and the tiny sources."""
        with self.servers.at(saved, keep=True) as target:
            session = session_at(target)
            session.warehouse.tables.create_datasets()
            session.store.create_bucket()
            load_sources(session, tiny_job(session), sources)
            session.warehouse._client.close()

    def save_after(self, before: Path, saved: Path, steps: Sequence[Step]) -> None:
        """Save the state after undisturbed steps."""
        copy_state(before, saved)
        with self.servers.at(saved, keep=True) as target:
            if code := self.carry_out(target, steps):
                raise RuntimeError(f"exit code {code}: {self.output.read_text()}")

    def point(self, saved: Path, steps: Sequence[Step], strikes: Sequence[Strike], again: Sequence[Step]) -> Outcome:
        """Run steps with faults, run them again without faults, and return the outcome."""
        with self._restored(saved, keep=not strikes) as target, child(poll, target) as reader:
            with child(_stand_between, target.endpoints, Plan(tuple(strikes))) as proxy:
                first = self._disturbed(target.model_copy(update={"endpoints": proxy.recv()}), steps, proxy)
                proxy.send("seen")
                plan: Plan = proxy.recv()
            second = self.carry_out(target, again)
            reader.send("enough")
            return Outcome(first, second, state_of(session_at(target)), plan, self.output.read_text(), reader.recv())

    def together(self, saved: Path, steps: Sequence[Step], apart: float) -> Outcome:
        """Run the same steps in two processes; the second starts `apart` seconds after the first."""
        with self._restored(saved) as target, child(poll, target) as reader:
            first = victims.fork(target, steps, self.output)
            time.sleep(apart)
            second = victims.fork(target, steps, self.output)
            codes = [victims.wait(pid, PATIENCE) for pid in (first, second)]
            reader.send("enough")
            state, seen = state_of(session_at(target)), reader.recv()
            return Outcome(codes[0], codes[1], state, None, self.output.read_text(), seen)

    def in_turn(self, saved: Path, processes: Sequence[Sequence[Step]]) -> Outcome:
        """Run processes one after the other."""
        with self._restored(saved) as target, child(poll, target) as reader:
            codes = [self.carry_out(target, steps) for steps in processes]
            reader.send("enough")
            state, seen = state_of(session_at(target)), reader.recv()
            return Outcome(max(codes), codes[-1], state, None, self.output.read_text(), seen)

    def carry_out(self, target: Target, steps: Sequence[Step]) -> int:
        """Run steps in a new process, and return its exit code."""
        return victims.wait(victims.fork(target, steps, self.output), PATIENCE)

    def _disturbed(self, through: Target, steps: Sequence[Step], proxy: Connection) -> int:
        """Run steps through the proxy, which gets the process id before the first call."""
        ready, go = os.pipe()
        pid = victims.fork(through, steps, self.output, ready)
        proxy.send(pid)
        proxy.recv()
        os.write(go, b"!")
        os.close(ready)
        os.close(go)
        return victims.wait(pid, PATIENCE)

    @contextmanager
    def _restored(self, saved: Path, *, keep: bool = False) -> Iterator[Target]:
        copy_state(saved, self.live)
        self.output.write_text("")
        with self.servers.at(self.live, keep=keep) as target:
            yield target

    @property
    def output(self) -> Path:
        """File of the output of a point's processes."""
        return self._folder / "output.txt"


@contextmanager
def child(function: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """Run a function in a new process that ends with the block, and yield a connection to it."""
    ours, theirs = fork_context.Pipe()
    process = fork_context.Process(target=function, args=(*arguments, theirs))
    process.start()
    try:
        yield ours
    finally:
        process.kill()
        process.join()


def _stand_between(endpoints: Endpoints, plan: Plan, line: Connection) -> None:
    victim: list[int] = []
    proxy = Proxy(endpoints, plan, lambda: victim[0])
    line.send(proxy.endpoints)
    victim.append(line.recv())
    line.send("ready")
    while line.recv() == "seen":
        line.send(plan)


def explain(reference: State, outcome: Outcome) -> str:
    """Return an explanation of a point: exit codes, output of the processes and some different rows."""
    rows = differences(reference, outcome.state)
    more = [f"... and {len(rows) - SHOWN} more rows"] if len(rows) > SHOWN else []
    return "\n  ".join([f"first {outcome.first}, again {outcome.again}", outcome.output, *rows[:SHOWN], *more])
