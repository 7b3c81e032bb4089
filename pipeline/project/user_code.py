"""The gate around code of a job: its errors become one line with the user's file, its settings are restored."""

from __future__ import annotations

import decimal
import errno
import importlib
import inspect
import locale
import os
import random
import sysconfig
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError, RequestError, quoted

SEEDS = {"random": 0, "numpy": 0}
"""Seeds of the global random generators while a model's code runs."""

DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}

HINT = "fix the model or its data; pipeline --verbose shows the traceback"

_NOT_THE_USERS = tuple({f"{Path(__file__).parents[1]}{os.sep}", *(
    f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")
)})  # fmt: skip


@contextmanager
def code_of(owner: str, method: str, function: object = None, *, hint: str = HINT) -> Iterator[None]:
    """Run code of a job: an error becomes one line with the user's file and line, settings of the process are restored.

    Every call of such code passes here: constructor, `fit`, `predict`, `save_id_maps`, pickling, unpickling and the
    writers of sources and fixtures.

    Parameters
    ----------
    owner, method
        The class or module and its function, for errors.
    function
        What is called. Its definition is the place of an error that has no line in the user's files.

    Raises
    ------
    RequestError
        The code raised an error, or tried to end the process.
    OSError
        The disk is full, which is no fault of the code.
    """
    try:
        with settings_restored():
            yield
    except PipelineError:
        raise
    except (Exception, SystemExit) as error:  # a library may exit with code 0 before the work is done
        if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
            raise
        what = f"{owner}: {method} raised {type(error).__name__}: {quoted(error)}{place_of(error, function)}"
        raise RequestError(what, hint=hint) from error


@contextmanager
def of_variant(name: str) -> Iterator[None]:
    """Put the name of a variant before the message of a request error.

    Raises
    ------
    RequestError
        The block raised it.
    """
    try:
        yield
    except RequestError as error:
        raise RequestError(f"variant {name}: {error.given}", hint=error.hint) from error


def wrong_result(owner: str, method: str, function: object, result: object, wanted: str, hint: str) -> RequestError:
    """Return the error about a result of the wrong kind, which names the kind in words."""
    what = f"{owner}: {method} returned {kind_of(result)}, not {wanted}{place_of(None, function)}"
    return RequestError(what, hint=hint)


def kind_of(value: object) -> str:
    """Return the kind of an object in words, such as `numpy.ndarray of shape (3,)`."""
    if value is None:
        return "None"
    kind, shape = type(value), getattr(value, "shape", None)
    package = "" if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}."
    return f"{package}{kind.__qualname__}" + (f" of shape {shape}" if isinstance(shape, tuple) else "")


def place_of(error: BaseException | None, function: object = None) -> str:
    """Return ` (file:line)`: the innermost line of the user's files in a traceback, or a function's definition.

    Files of the pipeline, of Python and of installed packages are not the user's. If the function is in one of these,
    it is the line that raised the error.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__) if error else []
    places = [(frame.filename, frame.lineno) for frame in frames]
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    defined = [(code.co_filename, code.co_firstlineno)] if code else []
    own = [place for place in (*defined, *places) if not place[0].startswith((*_NOT_THE_USERS, "<"))]
    file, line = (own or (places if defined else []) or defined or [("", None)])[-1]
    return f" ({file}:{line})" if file else ""


@contextmanager
def settings_restored(*, environment: bool = True) -> Iterator[None]:
    """Restore settings of the whole process after the block, so that no variant changes what the next one computes.

    These are numpy's handling of errors, filters of warnings, the global random generators, pandas' options, the
    decimal context, the locale, the working directory and the environment.

    Parameters
    ----------
    environment
        Whether to restore the environment variables, too: not after an import, whose module may read them later.
    """
    import numpy as np
    import pandas as pd

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is meant
    errors, on_error, context = np.geterr(), np.geterrcall(), decimal.getcontext().copy()
    filters, show, options, language = list(warnings.filters), warnings.showwarning, _options(), _locale()
    folder, variables = _working_directory(), dict(os.environ)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        np.seterr(**errors)
        np.seterrcall(on_error)
        decimal.setcontext(context)
        warnings.showwarning = show
        if warnings.filters != filters:
            with warnings.catch_warnings():  # its end tells Python that the filters have changed
                pass
            warnings.filters[:] = filters  # type: ignore[index]
        for name, value in _options().items():
            if value != options[name]:
                pd.set_option(name, options[name])
        if language and _locale() != language:
            with suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, language)
        if folder and _working_directory() != folder:
            with suppress(OSError):  # the code removed it
                os.chdir(folder)
        if environment and dict(os.environ) != variables:
            for name in set(os.environ) - set(variables):
                del os.environ[name]
            os.environ.update(variables)


def _options() -> dict[str, Any]:
    """Return the options of pandas by name."""
    import pandas as pd

    return {name: pd.get_option(name) for name in _option_names()}


@cache
def _option_names(prefix: str = "") -> tuple[str, ...]:
    """Return the names of the options of pandas below a prefix, except deprecated ones: reading them warns."""
    import pandas as pd

    names: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in dir(attrgetter(prefix)(pd.options) if prefix else pd.options):
            full = f"{prefix}.{name}" if prefix else name
            with suppress(Warning):
                is_group = type(attrgetter(full)(pd.options)) is type(pd.options)
                names += _option_names(full) if is_group else (full,)
    return tuple(names)


def _locale() -> str:
    with suppress(locale.Error):
        return locale.setlocale(locale.LC_ALL)
    return ""


def _working_directory() -> str:
    """Return the working directory; empty if it was removed."""
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109 - a text to compare
    return ""


@contextmanager
def repeatable() -> Iterator[None]:
    """Make the results of a model's code reproducible: global generators are seeded, sums have one order.

    The order of sums in BLAS depends on its number of threads, so it gets one. OpenMP keeps its threads: scikit-learn's
    trees do not depend on them. The generators are restored by `code_of`.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    # Only loaded libraries are limited, and scipy has a separate BLAS, which a model may load while it runs.
    importlib.import_module("scipy.linalg")
    random.seed(SEEDS["random"])
    np.random.seed(SEEDS["numpy"])  # noqa: NPY002
    with threadpool_limits(limits=1, user_api="blas"):
        yield
