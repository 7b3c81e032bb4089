"""The data of the page, as one JSON object for its script."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.explain.dashboard.series import Names, PageRows, Row, Rows, SeriesCoder, decimals_of, version_of
from pipeline.project.resources import PHASES

METRIC_KEY = ("metric", "variant", "slice_name", "slice_value")

INTERVAL = ("low", "high")


def page_data(rows: PageRows) -> dict[str, Any]:
    """Return the data of the page's script: texts in `names`, dates in `dates`, series that refer to them by number."""
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
        "failed": _failed(rows.runs, names),
        "nights": coder.code(nights(rows.runs), ("phase",), ("seconds",), plain=("rows", "bytes", "cost", "runs")),
    }
    share_counts(coded["measured"])
    return {
        "job": rows.job,
        "dates": [day.isoformat() for day in dates],
        "metrics": [
            {
                "name": name,
                "decimals": decimals[name],
                "better": better_of(rows.latest, name),
                "pooled": rows.pooled.get(name),
            }
            for name in metrics
        ],
        "pair": dict(rows.calibration_pair) or None,
        "judges": rows.judges,
        "marks": marks(rows),
        "headline": [name for name in rows.headline if name in metrics] or metrics[:2],
        "phases": list(PHASES),
        **coded,
        "names": list(names),
    }


def metric_names(rows: PageRows) -> list[str]:
    """Return the names of all metrics, headline metrics first."""
    known = dict.fromkeys(row["metric"] for row in rows.history)
    first = [name for name in rows.headline if name in known]
    return [*first, *(name for name in sorted(known) if name not in first)]


def better_of(latest: Rows, metric: str) -> str:
    """Return the direction in which a metric improves: `higher`, `lower` or `neither`."""
    return next((row["better"] for row in latest if row["metric"] == metric), "neither")


def share_counts(series: Iterable[dict[str, Any]]) -> None:
    """Replace counts that equal those of an earlier series by its position, `n_of`: metrics of a slice share counts."""
    seen: dict[tuple[Any, ...], int] = {}
    for place, one in enumerate(series):
        if isinstance(one["n"], list):
            first = seen.setdefault((one["start"], *one["n"]), place)
            if first != place:
                del one["n"]
                one["n_of"] = first


def nights(runs: Rows) -> list[Row]:
    """Return the events of each run date and phase as one row.

    A night takes as long as the run that readers see: an older generation and an older evaluation add no seconds and
    no rows. Bytes and cost are those of all of them, because all were paid for.

    Returns
    -------
    list of rows
        run_date, phase, runs (the number of runs; of load, of those that published), seconds, rows, bytes and cost; a
        sum is None if no part is known.
    """
    groups: dict[tuple[Any, str], list[Row]] = {}
    for row in runs:
        groups.setdefault((row["run_date"], row["phase"]), []).append(row)
    seen = seen_runs(runs)
    nightly: list[Row] = []
    for (day, phase), members in sorted(groups.items()):
        own = [row for row in members if row["run_id"] == seen[day]]
        if phase == "evaluate":
            own = sorted((row for row in members if row["event"] == "evaluated"), key=_recorded)[-1:]
        counted = [row for row in members if phase != "load" or row["event"] == "published"]
        nightly.append(
            {
                "run_date": day,
                "phase": phase,
                "runs": len({row["run_id"] for row in counted}),
                **{name: _sum(own, name) for name in ("seconds", "rows")},
                **{name: _sum(members, name) for name in ("bytes", "cost")},
                # All models of a run are trained on the same rows.
                **({"rows": max(_known(own, "rows"), default=None)} if phase == "train" else {}),
            }
        )
    return nightly


def seen_runs(runs: Rows) -> dict[Any, str]:
    """Return the run of each run date that readers see: the last one that published, otherwise the newest one."""
    seen: dict[Any, str] = {}
    for row in sorted(runs, key=lambda row: (row["event"] == "published", row["phase"] != "evaluate", _recorded(row))):
        seen[row["run_date"]] = row["run_id"]
    return seen


def marks(rows: PageRows) -> list[dict[str, str]]:
    """Return the run dates from which the numbers were made by other SQL or other code than before, with what changed.

    SQL is that of the examples and that of the metrics; code is that of the run that readers see.
    """
    seen, made = seen_runs(rows.runs), dict[Any, dict[str, str]]()
    for row in rows.history:
        if version := version_of(row):
            made.setdefault(row["run_date"], {})["SQL of metrics"] = version
    for row in rows.runs:
        if (row["phase"], row["event"], row["run_id"]) == ("preprocess", "done", seen[row["run_date"]]):
            own = {"SQL of examples": version_of(row), "code": row["code_digest"] or ""}
            made.setdefault(row["run_date"], {}).update({name: part for name, part in own.items() if part})
    last: dict[str, str] = {}
    changes = []
    for day, parts in sorted(made.items()):
        if changed := [name for name, part in parts.items() if last.get(name, part) != part]:
            changes.append({"date": str(day), "label": f"{' and '.join(sorted(changed))} changed"})
        last |= parts
    return changes


def _recorded(row: Row) -> Any:
    return row["recorded_at"]


def _sum(rows: Rows, name: str) -> Any:
    known = _known(rows, name)
    return sum(known) if known else None


def failed_variants(runs: Rows) -> list[Row]:
    """Return the events of variants that failed on a run date and were not published after that, by run date."""
    last: dict[tuple[Any, str], Row] = {}
    for row in sorted(runs, key=lambda row: row["recorded_at"]):
        if row["event"] in ("failed", "published"):
            last[row["run_date"], row["variant"]] = row
    return [row for _, row in sorted(last.items()) if row["event"] == "failed"]


def _failed(runs: Rows, names: Names) -> list[dict[str, Any]]:
    numbered = ("variant", "phase")
    return [
        {"date": str(row["run_date"]), **{name: names.number(row[name]) for name in numbered}}
        for row in failed_variants(runs)
    ]


def _known(rows: Rows, name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


def _values(rows: Rows, metric: str) -> list[Any]:
    return [row.get(name) for row in rows if row["metric"] == metric for name in ("value", *INTERVAL)]


def _verdicts(rows: PageRows, names: Names) -> list[dict[str, Any]]:
    """Return each decision once; the view repeats it for every metric."""
    numbers = ("verdict_n", "needed_n", "verdict_difference", "verdict_low", "verdict_high")
    texts = ("champion", "challenger", "verdict", "reason")
    verdicts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows.comparison:
        if row["verdict"]:
            verdicts[row["run_date"], row["champion"], row["challenger"]] = {
                "date": str(row["run_date"]),
                **{name: names.number(str(row[name] or "")) for name in texts},
                **{name: row[name] for name in numbers},
            }
    return sorted(verdicts.values(), key=lambda verdict: str(verdict["date"]))


def _roles(history: Rows, names: Names) -> list[dict[str, Any]]:
    """Return the spans of run dates in which each variant had one role."""
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
    """Return the versions of the SQL that made the numbers of the page, sorted."""
    views = (rows.history, rows.slices, rows.calibration, rows.comparison, rows.drift)
    return sorted({version for view in views for row in view if (version := version_of(row))})
