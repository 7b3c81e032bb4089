"""A process that imports the BigQuery emulator, translates its statements, and forks an emulator for each saved state.

`python -m tests.faults.zygote` reads a line of JSON for each emulator: `data`, `buckets`, `ready_file`, `home` and
`log`. It writes the id of each process and ends when its input ends. A fork starts in a tenth of the time of a new
process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

from pipeline.emulators.bigquery_server import WithoutPandas, answer, link_spatial, settings_of
from pipeline.project.target import LOCAL_PROJECT


def main(parsed: Path) -> None:
    """Import the emulator, repeat what an earlier one has parsed and translated, and fork until the input ends."""
    sys.meta_path.insert(0, WithoutPandas())
    from bqemulator.config import LogFormat, LogLevel
    from bqemulator.observability.logging_ import configure_logging

    configure_logging(level=LogLevel.WARNING, fmt=LogFormat.JSON)
    import sqlglot
    from bqemulator.jobs import executor
    from bqemulator.sql.translator import SQLTranslator

    from pipeline.emulators import emulator

    emulator.patch()
    texts, statements = _remember(sqlglot, "parse_one"), _remember(SQLTranslator, "translate", own=1)
    before = pickle.loads(parsed.read_bytes()) if parsed.is_file() else ([], [])  # noqa: S301 - our own
    for arguments, options in before[0]:
        sqlglot.parse_one(*arguments, **options)
    for arguments, options in before[1]:
        executor._translator.translate(*arguments, **options)
    seen = (texts, statements)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for the children
    for line in sys.stdin:
        print(_fork(json.loads(line), seen, parsed), flush=True)


def _remember(owner: Any, name: str, own: int = 0) -> list[Any]:
    """Return a list that collects the later calls of a function, without the first `own` arguments."""
    original, seen = getattr(owner, name), []

    def remembered(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        seen.append((arguments[own:], options))  # only texts that parse
        return result

    setattr(owner, name, remembered)
    return seen


def _fork(asked: dict[str, str], seen: tuple[list[Any], list[Any]], parsed: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
        os.dup2(file, stream)
    os.setsid()
    os.environ["HOME"] = asked["home"]
    os.chdir(asked["home"])
    link_spatial(Path(asked["home"]))
    places = {name: Path(asked[name]) for name in ("data", "buckets", "ready_file")}
    _serve(argparse.Namespace(project=LOCAL_PROJECT, port=0, grpc_port=0, **places))
    parsed.write_bytes(pickle.dumps([list({repr(call): call for call in calls}.values()) for calls in seen]))
    os._exit(0)


def _serve(options: argparse.Namespace) -> None:
    from bqemulator.server import EmulatorServer

    asyncio.run(answer(EmulatorServer(settings_of(options)), options.ready_file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
