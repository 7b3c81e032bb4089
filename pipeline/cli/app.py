"""The application: its commands, and what happens to errors."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated, Any, cast

import typer

from pipeline import __version__
from pipeline.cli import (
    backfill,
    deploy,
    doctor,
    ending,
    evaluate,
    explain,
    local,
    models,
    operations,
    phases,
    plan,
    sources,
    sql,
)
from pipeline.cli import models as model
from pipeline.cli import phases as predict
from pipeline.cli import sources as fixtures
from pipeline.cli.ending import EXIT_CODE, Terminated, end_on_sigterm
from pipeline.cloud.bigquery.labels import label_from_here, labelled
from pipeline.errors import PipelineError, RequestError, quoted

UNUSABLE_FOLDER = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EBUSY),
}
"""Errors of the disk that the user can mend."""


LONGEST = 1000
"""Characters of an error line; values that came from outside may be longer."""


# Typer brings its own copy of click: this is the class that it raises, whichever that is.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


INTERRUPTED = "interrupted - run the same command again to go on"


MEND = "raise an error instead"


ENDED = "ended by SIGTERM - run the same command again to go on"


app = typer.Typer(
    name="pipeline",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pipeline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", help="Add a traceback to errors.")] = False,  # noqa: ARG001
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Batch machine learning on BigQuery and Cloud Storage.

    Example: pipeline run flight_delay --run-date 2013-07-01
    """
    label_from_here(phase=context.invoked_subcommand or "help")


phases.add_to(app)


backfill.add_to(app)


predict.add_predict(app)


evaluate.add_to(app)


explain.add_report(app)


explain.add_dashboard(app)


operations.add_to(app)


doctor.add_to(app)


deploy.add_to(app)


plan.add_to(app)


explain.add_trace(app)


explain.add_why(app)


explain.add_reproduce(app)


fixtures.add_to(app)


app.add_typer(sources.app, name="sources")


app.add_typer(local.app, name="local")


app.add_typer(sql.app, name="sql")


app.add_typer(models.app, name="models")


app.add_typer(model.model_app, name="model")


def main() -> None:
    """Run the command line and exit: 0 done, 1 a bug, 2 to 5 as the error says, 130 interrupted, 143 ended."""
    end_on_sigterm()
    sys.exit(run(sys.argv[1:]))


@labelled()
def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; what went wrong is one line on stderr, or one entry of Cloud Logging."""
    try:
        ending.begin()
        return _run(arguments)
    except PipelineError as error:
        return _fail(error, error.exit_code, arguments)
    except Terminated:
        return _fail(ENDED, EXIT_CODE, arguments)
    except SystemExit as error:  # of a job's code or a library: with code 0 the task would count as done
        if isinstance(error.__context__, BrokenPipeError):  # Typer's way to end when nobody reads on
            raise
        what = f"code of the job ended the process: SystemExit {quoted(error)}"
        return _fail(RequestError(what, hint=MEND), 2, arguments)
    except BaseException as error:
        log = ending.cloud_log()
        if log is None:
            raise
        log.crash(error)
        return 1


def _run(arguments: list[str]) -> int:
    # OpenMP's threads spin while they wait: beside another busy process a fit then takes ten times as long.
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
        return _fail(f"{error.filename or 'disk'}: {error.strerror} - free space or name another folder", 2, arguments)
    # Typer catches Ctrl-C itself and hands its exit code over here.
    return _fail(INTERRUPTED, 130, arguments) if code == 130 else int(code or 0)


def _usage(error: Any, arguments: list[str]) -> int:
    """Say what is wrong with the arguments; a group without a command shows its help instead."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return 0
    command = error.ctx.command_path if error.ctx else "pipeline"
    return _fail(f"{error.format_message().rstrip('.')} - see {command} --help", 2, arguments)


def _fail(what: str | PipelineError, exit_code: int, arguments: list[str]) -> int:
    error = what if isinstance(what, PipelineError) else PipelineError(what)
    log = ending.cloud_log()
    if log is not None:
        log.fail(error, exit_code)
        return exit_code
    if "--verbose" in arguments:
        traceback.print_exc()
    line = str(error)
    typer.echo(f"error: {line[:LONGEST]}{'...' if len(line) > LONGEST else ''}", err=True)
    return exit_code
