"""The command-line application: its commands, and how errors become exit codes."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
import traceback
from typing import Annotated, Any, cast

import typer

from pipeline import __version__
from pipeline.cli import (
    backfill,
    doctor,
    ending,
    evaluate,
    explain,
    local,
    models,
    operate,
    phases,
    plan,
    sources,
    sql,
)
from pipeline.cli.ending import EXIT_CODE, Terminated, end_on_sigterm
from pipeline.cli.options import with_where
from pipeline.cloud.bigquery.billing_labels import label_from_here, labelled
from pipeline.errors import PipelineError, RequestError, quoted

UNUSABLE_FOLDER = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EBUSY),
}
"""Errors of the file system that the user can fix."""

LONGEST = 1000
"""Characters of an error line; values that came from outside may be longer."""

RARE_COLLECTIONS = (50_000, 5, 2)
"""Thresholds of the garbage collector; CPython's own are (700, 10, 10) or similar."""

# Typer brings its own copy of click: this is the class that it raises, from either copy.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])

ASKS = {"--help", "--version"}
"""Options whose answer is text, whatever else is asked for."""

INTERRUPTED = "interrupted - run the same command again to resume"
ENDED = "ended by SIGTERM - run the same command again to resume"

COMMANDS = (
    *(phases.run, backfill.backfill),
    *(phases.preprocess, phases.train, phases.predict, phases.load, evaluate.evaluate),
    *(explain.status, explain.report, explain.dashboard),
    *(plan.plan, explain.trace, explain.why, explain.reproduce),
    *(doctor.doctor, operate.deploy, operate.setup, operate.gc, sources.fixtures),
)
"""In the order of `pipeline --help`; the groups follow."""

GROUPS = {
    "models": models.app,
    "model": models.model_app,
    "sources": sources.app,
    "sql": sql.app,
    "local": local.app,
}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pipeline {__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print a traceback before an error.")] = False,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Batch machine learning on BigQuery and Cloud Storage.

    A run preprocesses, trains, predicts, loads and evaluates one job for one run date. Every command can be repeated:
    it skips what is done and resumes what is not.

    Exit codes: 0 done, 1 a bug, 2 a wrong request, 3 a failed check, 4 a failure of the cloud, 5 a missing permission,
    130 interrupted, 143 ended by SIGTERM.

    Example: pipeline run flight_delay --run-date 2013-07-01
    """
    ending.be_verbose(verbose)
    label_from_here(phase=context.invoked_subcommand or "help")


app = typer.Typer(
    name="pipeline",
    callback=_options,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in COMMANDS:
    app.command()(with_where(command))
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line with the arguments of this process, and exit with its exit code."""
    # Collections walk through all imported modules: a third of a short command's time.
    gc.set_threshold(*RARE_COLLECTIONS)
    atexit.register(gc.freeze)
    end_on_sigterm()
    if "--json" in sys.argv and not ASKS.intersection(sys.argv):
        ending.keep_stdout_for_results()
    sys.exit(run(sys.argv[1:]))


@labelled()
def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; an error is one line on stderr, or one entry of Cloud Logging.

    Raises
    ------
    BaseException
        A bug, when people read the output; in Cloud Run its entry is written and the exit code is 1.
    """
    try:
        ending.begin()
        return _run(arguments)
    except PipelineError as error:
        return _fail(error, error.exit_code, arguments)
    except Terminated:
        return _fail(ENDED, EXIT_CODE, arguments)
    except SystemExit as error:  # from a job's code or a library: with code 0 the task would count as done
        if isinstance(error.__context__, BrokenPipeError):  # Typer exits so when the reader of stdout is gone
            raise
        message = f"the job's code ended the process: SystemExit {quoted(error)}"
        return _fail(RequestError(message, hint="raise an error instead"), 2, arguments)
    except BaseException as error:
        log = ending.cloud_log()
        if log is None:
            raise
        log.crash(error)
        return 1


def _run(arguments: list[str]) -> int:
    # OpenMP's threads spin while they wait: next to another busy process a fit then takes ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        code = app(arguments, prog_name="pipeline", standalone_mode=False)
    except UsageError as error:
        return _usage(error, arguments)
    except (typer.Abort, KeyboardInterrupt):
        return _fail(INTERRUPTED, 130, arguments)
    except OSError as error:
        if error.errno not in UNUSABLE_FOLDER:
            raise
        hint = "free space or name another folder"
        return _fail(f"{error.filename or 'disk'}: {error.strerror} - {hint}", 2, arguments)
    # Typer catches Ctrl-C itself and returns its exit code.
    return _fail(INTERRUPTED, 130, arguments) if code == 130 else int(code or 0)


def _usage(error: Any, arguments: list[str]) -> int:
    """Print the error in the arguments, or the help of a group that was called without a command."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return 0
    path = error.ctx.command_path if error.ctx else "pipeline"
    return _fail(f"{error.format_message().rstrip('.')} - see {path} --help", 2, arguments)


def _fail(reason: str | PipelineError, exit_code: int, arguments: list[str]) -> int:
    error = reason if isinstance(reason, PipelineError) else PipelineError(reason)
    log = ending.cloud_log()
    if log is not None:
        log.fail(error, exit_code)
        return exit_code
    if "--verbose" in arguments:
        traceback.print_exc()
    line = str(error)
    typer.echo(f"error: {line[:LONGEST]}{'...' if len(line) > LONGEST else ''}", err=True)
    return exit_code
