"""The script that draws charts: Vega with its expression interpreter, from the locked vl-convert."""

from __future__ import annotations

from functools import cache

import vl_convert as vlc

from pipeline.dashboard.charts import VEGA_LITE

NOTICE = """\
/*! Contains Vega, Vega-Lite, Vega-Embed and the packages that they are made of.
Copyright (c) University of Washington Interactive Data Lab. BSD 3-Clause License. */
"""


@cache
def runtime() -> str:
    """Return JavaScript that makes `vegaEmbed`; Vega-Embed is what brings the interpreter along.

    Raises
    ------
    ValueError
        The script would end the element that it stands in.
    """
    # The snippet shares a scope with the libraries: only what it names stays.
    script = vlc.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the runtime of Vega holds the end of a script element")
    return NOTICE + script
