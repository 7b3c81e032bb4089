"""The data of the page: what its script shows, as one JSON object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.explain.dashboard.series import Names, PageRows, Row, Rows, SeriesCoder, decimals_of, version_of
from pipeline.project.resources import PHASES

METRIC_KEY = ("metric", "variant", "slice_name", "slice_value")


INTERVAL = ("low", "high")


def page_data(rows: PageRows) -> dict[str, Any]:
    """Return what the page's script needs; texts stand in `names`, dates in `dates`, and series hold their numbers."""
    dates, names = rows.dates, Names()
    coder = SeriesCoder(dates, names)
    overall = [{**row, "slice_name": "", "slice_value": ""} for row in rows.history]
    measured = [*overall, *rows.slices]
    metrics = metric_names(rows)
    decimals = {name: decimals_of(_values(measured, name)) for name in metrics}
    coded = {
        "measured": coder.code(
            measured, METRIC_KEY, ("value",), bounds=INTERVAL, plain=("n",), texts=("note",), decimals=decimals
        ),
        "calibration": coder.code(
            rows.calibration, ("variant", "bin"), ("observed_rate", "mean_score"), bounds=INTERVAL, plain=("n",)
        ),
        "compared": coder.code(
            [row for row in rows.comparison if row["metric"]],
            ("metric", "champion", "challenger"),
            ("champion_value", "challenger_value", "difference"),
            plain=("n",),
            decimals=decimals,
        ),
        "drift": coder.code(
            rows.drift,
            ("measure", "feature", "variant"),
            ("value", "reference", "threshold"),
            plain=("n",),
            texts=("is_warning", "note"),
        ),
        "verdicts": _verdicts(rows, names),
        "roles": _roles(rows.history, names),
        "nights": coder.code(nights(rows.runs), ("phase",), ("seconds",), plain=("rows", "bytes", "cost", "runs")),
    }
    share_counts(coded["measured"])
    return {
        "job": rows.job,
        "dates": [day.isoformat() for day in dates],
        "metrics": [
            {"name": name, "decimals": decimals[name], "better": better_of(rows.latest, name)} for name in metrics
        ],
        "headline": [name for name in rows.headline if name in metrics] or metrics[:2],
        "phases": list(PHASES),
        **coded,
        "names": names.texts,
    }


def metric_names(rows: PageRows) -> list[str]:
    """Return the metrics of the rows, those of the headline first."""
    known = dict.fromkeys(row["metric"] for row in rows.history)
    first = [name for name in rows.headline if name in known]
    return [*first, *(name for name in sorted(known) if name not in first)]


def better_of(latest: Rows, metric: str) -> str:
    """Return which way a metric improves."""
    return next((row["better"] for row in latest if row["metric"] == metric), "neither")


def share_counts(series: Iterable[dict[str, Any]]) -> None:
    """Let a series with the counts of an earlier one name its place in `n_of`: the metrics of a slice share theirs."""
    seen: dict[tuple[Any, ...], int] = {}
    for place, each in enumerate(series):
        if isinstance(each["n"], list):
            first = seen.setdefault((each["start"], *each["n"]), place)
            if first != place:
                del each["n"]
                each["n_of"] = first


def nights(runs: Rows) -> list[Row]:
    """Sum the events of each run date and phase: seconds, bytes and cost of all its runs, rows of all its models.

    Returns
    -------
    list of rows
        run_date, phase, seconds, rows, bytes, cost and the number of runs; a sum of nothing known is None.
    """
    groups: dict[tuple[Any, str], list[Row]] = {}
    for row in runs:
        groups.setdefault((row["run_date"], row["phase"]), []).append(row)
    return [
        {
            "run_date": day,
            "phase": phase,
            "runs": len({row["run_id"] for row in members}),
            **{name: _sum(members, name) for name in ("seconds", "rows", "bytes", "cost")},
            **({"rows": _most(members, "rows")} if phase == "train" else {}),
        }
        for (day, phase), members in sorted(groups.items())
    ]


def _sum(rows: Rows, name: str) -> float | None:
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) if known else None


def _most(rows: Rows, name: str) -> float | None:
    """Return the largest number: models of a run are trained on the same rows."""
    return max((row[name] for row in rows if row[name] is not None), default=None)


def _values(rows: Rows, metric: str) -> list[Any]:
    return [row.get(name) for row in rows if row["metric"] == metric for name in ("value", *INTERVAL)]


def _verdicts(rows: PageRows, names: Names) -> list[dict[str, Any]]:
    """Return each decision once; its row of the view stands beside every metric."""
    numbers = ("verdict_n", "needed_n", "verdict_difference", "verdict_low", "verdict_high")
    texts = ("champion", "challenger", "verdict", "reason")
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows.comparison:
        if row["verdict"]:
            said = {name: names.number(str(row[name] or "")) for name in texts}
            known = {name: row[name] for name in numbers}
            found[row["run_date"], row["champion"], row["challenger"]] = {"date": str(row["run_date"]), **said, **known}
    return sorted(found.values(), key=lambda each: str(each["date"]))


def _roles(history: Rows, names: Names) -> list[dict[str, Any]]:
    """Return the spans of run dates in which a variant had a role."""
    days: dict[str, dict[Any, str]] = {}
    for row in history:
        days.setdefault(row["variant"], {})[row["run_date"]] = row["role"]
    spans: list[dict[str, Any]] = []
    for variant, roles in days.items():
        last = ""
        for day, role in sorted(roles.items()):
            if role != last:
                spans.append({"variant": names.number(variant), "role": role, "from": str(day)})
                last = role
            spans[-1]["to"] = str(day)
    return spans


def versions(rows: PageRows) -> list[str]:
    """Return the SQL versions that made the numbers of the page."""
    views = (rows.history, rows.slices, rows.calibration, rows.comparison, rows.drift)
    return sorted({version for view in views for row in view if (version := version_of(row))})
