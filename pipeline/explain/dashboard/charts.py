"""Charts of the page: built with Altair, compiled from Vega-Lite to Vega ahead of time; the page sets their rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import altair as alt
import vl_convert as vlc

from pipeline.project.resources import PHASES

VEGA_LITE = "6.4"
"""Version that the locked vl-convert compiles; the runtime in the page has the same version."""

COLOURS = ("accent", "ink", "muted", "surface", *(f"phase_{name}" for name in PHASES))
"""Signals of every chart; the page sets them to the colours of its style sheet."""

ROLES = ("champion", "challenger", "baseline")

SLICE_STEP = 20
"""Height of a row of the dot plot, in pixels."""

ACCENT, INK, MUTED, SURFACE = (alt.ExprRef(name) for name in ("accent", "ink", "muted", "surface"))

UTC = alt.Scale(type="utc")

DATES = alt.Axis(values=alt.ExprRef("ticks"), format="%-d %b", grid=False, labelOverlap="greedy", labelFlush=True)

DATE = alt.X("date:T", scale=UTC, title=None, axis=DATES)

NUMBERS: Mapping[str, Any] = {
    "title": None,
    "scale": alt.Scale(zero=False, nice=True),
    "axis": alt.Axis(labelExpr="format(datum.value, number_format)", tickCount=5, grid=True),
}
"""Scale and axis of a measured value."""

Charts = alt.Chart | alt.LayerChart | alt.FacetChart


def history_chart() -> Charts:
    """Return the chart of one metric over run dates: a line for each variant, the champion on top with its interval."""
    rows = alt.Chart(alt.NamedData("rows"))
    value = alt.Y("value:Q", **NUMBERS)
    changes = alt.Chart(alt.NamedData("changes"))
    is_champion = alt.datum.role == "champion"
    line = alt.Color("role:N", legend=None, scale=_scale(ROLES, ["accent", "muted", "muted"]))
    dash = alt.StrokeDash("role:N", legend=None, scale=_scale(ROLES, [[1, 0], [1, 0], [2, 3]]))
    return alt.layer(
        changes.mark_rule(color=INK, strokeWidth=1, strokeDash=[2, 2]).encode(x=DATE),
        changes.mark_text(align="left", baseline="top", dx=5, fontSize=11, color=INK).encode(
            x=DATE, y=alt.value(0), text="label:N"
        ),
        rows.transform_filter(is_champion)
        .mark_area(color=ACCENT, opacity=0.14)
        .encode(x=DATE, y=alt.Y("low:Q", title=None), y2="high:Q"),
        rows.transform_filter(alt.datum.role != "champion")
        .mark_line(strokeWidth=1.25)
        .encode(x=DATE, y=value, color=line, detail="series:N", strokeDash=dash),
        rows.transform_filter(is_champion)
        .mark_line(strokeWidth=2.25, color=ACCENT)
        .encode(x=DATE, y=value, detail="series:N"),
        rows.mark_point(filled=True, opacity=1)
        .encode(x=DATE, y=value, color=line, size=alt.condition(is_champion, alt.value(34), alt.value(14)))
        .transform_filter("pointed"),
        # In long histories only the champion has tooltips: a mark for each point would slow the page.
        rows.transform_filter("pointed || datum.role === 'champion'")
        .mark_point(filled=True, size=240, opacity=0)
        .encode(x=DATE, y=value, tooltip="tip:N"),
    ).properties(height=270)


def slices_chart() -> Charts:
    """Return the chart of one metric by slice, worst first: dots with intervals, and a line at the overall value."""
    rows = alt.Chart(alt.NamedData("rows"))
    label = alt.Y(
        "label:N",
        sort=None,
        title=None,
        # The page sets the order; Vega would keep that of the first rows.
        scale=alt.Scale(domain=alt.ExprRef("labels")),
        axis=alt.Axis(labelLimit=alt.ExprRef("label_limit"), labelPadding=8),
    )
    tint = alt.Color("standing:N", legend=None, scale=_scale(("worse", "same"), ["accent", "muted"]))
    value = alt.X("value:Q", **NUMBERS)
    chart: Charts = (
        alt.layer(
            alt.Chart(alt.NamedData("overall"))
            .mark_rule(color=INK, strokeWidth=1, strokeDash=[2, 2])
            .encode(x="value:Q"),
            rows.mark_point(filled=True, size=52).encode(
                y=label,
                x=value,
                color=tint,
                opacity=alt.condition("datum.low === null", alt.value(0.45), alt.value(1)),
            ),
            rows.mark_rule(strokeWidth=1.5, opacity=0.75).encode(y=label, x="low:Q", x2="high:Q", color=tint),
            rows.mark_point(filled=True, size=400, opacity=0).encode(y=label, x=value, tooltip="tip:N"),
        )
        .properties(height=alt.Step(SLICE_STEP))
        .resolve_scale(color="shared")
    )
    return chart


def calibration_chart() -> Charts:
    """Return the chart of what happened against what was predicted; a dot on the diagonal is right on average."""
    rows = alt.Chart(alt.NamedData("rows"))
    unit = alt.Scale(domain=[alt.ExprRef("bottom"), alt.ExprRef("top")], nice=False, zero=False)
    axis = alt.Axis(labelExpr="format(datum.value, number_format)", tickCount=5, grid=True)
    x = alt.X("mean_score:Q", scale=unit, title="predicted", axis=axis)
    y = alt.Y("observed_rate:Q", scale=unit, title="observed", axis=axis)
    return alt.layer(
        alt.Chart(alt.NamedData("diagonal"))
        .mark_line(color=INK, strokeWidth=1, strokeDash=[2, 2])
        .encode(x=alt.X("mean_score:Q", scale=unit), y=alt.Y("observed_rate:Q", scale=unit)),
        rows.mark_rule(color=ACCENT, strokeWidth=1.5, opacity=0.6).encode(
            x=x, y=alt.Y("low:Q", scale=unit), y2="high:Q"
        ),
        rows.mark_point(filled=True, color=ACCENT, opacity=1).encode(
            x=x, y=y, size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[24, 180], zero=True))
        ),
        rows.mark_point(filled=True, size=400, opacity=0).encode(x=x, y=y, tooltip="tip:N"),
    ).properties(height=270)


def comparison_chart() -> Charts:
    """Return the chart of the challenger's gain by run date, with the mean and its interval of the latest verdict."""
    rows, bands = alt.Chart(alt.NamedData("rows")), alt.Chart(alt.NamedData("bands"))
    value = alt.Y("gain:Q", **NUMBERS)
    return alt.layer(
        bands.mark_rect(color=ACCENT, opacity=0.14).encode(
            x=alt.X("from:T", scale=UTC), x2="to:T", y=alt.Y("low:Q", title=None), y2="high:Q"
        ),
        bands.mark_rule(color=ACCENT, strokeWidth=2).encode(
            x=alt.X("from:T", scale=UTC), x2="to:T", y=alt.Y("middle:Q", title=None)
        ),
        alt.Chart(alt.NamedData("zero")).mark_rule(color=INK, strokeWidth=1).encode(y=alt.Y("gain:Q", title=None)),
        rows.mark_rule(color=MUTED, strokeWidth=1, opacity=0.6).encode(x=DATE, y=value, y2=alt.Y2(datum=0)),
        rows.mark_point(filled=True, color=MUTED, size=40, opacity=1).encode(x=DATE, y=value),
        rows.mark_point(filled=True, size=300, opacity=0).encode(x=DATE, y=value, tooltip="tip:N"),
    ).properties(height=270)


def nights_chart() -> Charts:
    """Return the chart of seconds by night: phases stacked in the order in which they run."""
    chart: Charts = (
        alt.Chart(alt.NamedData("rows"))
        .mark_rect(stroke=SURFACE, strokeWidth=alt.ExprRef("gap"))
        .encode(
            x=alt.X("from:T", scale=UTC, title=None, axis=DATES),
            x2="to:T",
            y=alt.Y("below:Q", title=None, axis=alt.Axis(labelExpr="datum.label + ' s'", tickCount=4)),
            y2="above:Q",
            color=alt.Color("phase:N", legend=None, scale=_scale(PHASES, [f"phase_{name}" for name in PHASES])),
            tooltip="tip:N",
        )
        .properties(height=170)
    )
    return chart


CHARTS: Mapping[str, Any] = {
    "history": history_chart,
    "slices": slices_chart,
    "calibration": calibration_chart,
    "comparison": comparison_chart,
    "nights": nights_chart,
}


@cache
def compiled_charts() -> dict[str, dict[str, Any]]:
    """Return the charts as Vega specifications, which a browser draws without Vega-Lite's compiler."""
    return {name: _compile(build()) for name, build in CHARTS.items()}


def _compile(chart: Charts) -> dict[str, Any]:
    signals: dict[str, Any] = dict.fromkeys(COLOURS, "#888888")
    signals |= {"label_limit": 180, "labels": [], "ticks": [], "number_format": ".3~f"}
    signals |= {"bottom": 0, "top": 1, "pointed": True, "gap": 0.5}
    params = [alt.param(name=name, value=value) for name, value in signals.items()]
    complete = chart.properties(width="container", background="transparent", padding=2).add_params(*params)
    return dict(vlc.vegalite_to_vega(complete.to_dict(), vl_version=VEGA_LITE))


def _scale(domain: tuple[str, ...], values: list[Any]) -> alt.Scale:
    return alt.Scale(
        domain=list(domain), range=[alt.ExprRef(value) if isinstance(value, str) else value for value in values]
    )
