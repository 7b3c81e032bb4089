"""Synthetic rows of the dashboard's views, for any number of days and slices, from a seed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from pipeline.explain.dashboard.series import PageRows

FIRST = date(2024, 1, 1)
METRICS = {
    "auc": ("higher", 0.72),
    "log_loss": ("lower", 0.48),
    "brier_score": ("lower", 0.16),
    "base_rate": ("neither", 0.24),
}
SQL = {"sql_version": "metrics/binary_classification_v2", "sql_digest": "0123456789abcdef"}
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def synthetic_rows(
    days: int = 30,
    slices: int = 20,
    *,
    variants: tuple[str, ...] = ("boosting@11111111", "linear@22222222"),
    slice_names: tuple[str, ...] = ("carrier", "origin"),
    slice_value: str = "{:02d}",
    features: int = 12,
    seed: int = 7,
) -> PageRows:
    """Return the rows of a job whose second variant becomes champion half-way.

    Parameters
    ----------
    slices
        Number of slices in all.
    slice_value
        Format of a slice's value from its number.
    """
    maker = Maker(days, variants, seed)
    keys = [(slice_names[i % len(slice_names)], slice_value.format(i)) for i in range(slices)]
    return PageRows(
        job="synthetic",
        made_at=MADE_AT,
        description="A job that was made up for tests.",
        headline=["auc", "log_loss"],
        source="project-x.ml_dashboard",
        latest=[
            {"run_date": maker.dates[-1], "metric": name, "better": better} for name, (better, _) in METRICS.items()
        ],
        history=[row for name in METRICS for row in maker.measured(name)],
        slices=[
            row | {"slice_name": key[0], "slice_value": key[1]}
            for name in ("auc", "log_loss")
            for i, key in enumerate(keys)
            for row in maker.measured(
                name, kinds=("champion", "challenger"), n=800 // (i + 1) + 60, shift=0.05 * np.sin(i)
            )
        ],
        calibration=maker.calibration(),
        comparison=maker.comparison(),
        drift=maker.drift(features),
        runs=maker.runs(),
    )


class Maker:
    """Makes the rows of a number of days."""

    def __init__(self, days: int, variants: tuple[str, ...], seed: int) -> None:
        self.dates = [FIRST + timedelta(days=day) for day in range(days)]
        self.variants, self.random = variants, np.random.default_rng(seed)

    def role(self, variant: str, place: int) -> str:
        """Return the role of a variant: the first one is champion at first, then the second one."""
        if variant not in self.variants:
            return "baseline"
        return "champion" if (variant == self.variants[0]) == (place < len(self.dates) // 2) else "challenger"

    def measured(
        self,
        metric: str,
        *,
        kinds: tuple[str, ...] = ("champion", "challenger", "baseline"),
        n: int = 900,
        shift: float = 0.0,
    ) -> list[Row]:
        """Return a metric of each variant and day."""
        better, level = METRICS[metric]
        sign = {"higher": 1, "lower": -1}.get(better, 0)
        rows = []
        daily = self.random.normal(0, 0.03, len(self.dates))
        for order, variant in enumerate((*self.variants, "constant@33333333")):
            for place, day in enumerate(self.dates):
                role = self.role(variant, place)
                if role not in kinds:
                    continue
                value = float(
                    level + daily[place] - sign * 0.02 * order + shift + self.random.normal(0, 0.15 / np.sqrt(n))
                )
                width = float(0.6 / np.sqrt(n))
                few = n < 110
                interval = {"low": None, "high": None} if few else {"low": value - width, "high": value + width}
                count = n + (place * 37) % 50  # the same for each metric and variant
                rows.append(
                    {
                        "run_date": day,
                        "metric": metric,
                        "variant": variant,
                        "role": role,
                        "n": count,
                        "value": value,
                        **interval,
                        "note": "fewer than 30 positives" if few else None,
                        **SQL,
                    }
                )
        return rows

    def calibration(self) -> list[Row]:
        """Return ten bins of each variant and day."""
        return [
            {
                "run_date": day,
                "variant": variant,
                "role": self.role(variant, place),
                "bin": f"{b / 10:.2f}-{b / 10 + 0.1:.2f}",
                "n": 30 + 20 * (9 - b) + place % 17,
                "mean_score": b / 10 + 0.05,
                "observed_rate": rate,
                "low": max(rate - 0.06, 0.0),
                "high": min(rate + 0.06, 1.0),
                **SQL,
            }
            for variant in self.variants
            for place, day in enumerate(self.dates)
            for b in range(10)
            for rate in [float(np.clip((b / 10 + 0.05) ** 1.15 + self.random.normal(0, 0.02), 0, 1))]
        ]

    def comparison(self) -> list[Row]:
        """Return comparisons by each metric, and a verdict by log loss on each day."""
        rows, gains = [], []
        for place, day in enumerate(self.dates):
            if place == len(self.dates) // 2:
                gains = []
            champion, challenger = self.variants[:2] if place < len(self.dates) // 2 else self.variants[1::-1]
            differences = {metric: float(self.random.normal(0.004, 0.01)) for metric in METRICS}
            gains.append(-differences["log_loss"])
            verdict = self.verdict(gains)
            for metric, (_, level) in METRICS.items():
                rows.append(
                    {
                        "run_date": day,
                        "metric": metric,
                        "champion": champion,
                        "challenger": challenger,
                        "n": 850,
                        "champion_value": level,
                        "challenger_value": level + differences[metric],
                        "difference": differences[metric],
                        **verdict,
                        **SQL,
                    }
                )
        return rows

    def verdict(self, gains: list[float]) -> Row:
        """Return the gate's verdict on the last seven days."""
        if len(gains) < 7:
            return {
                "verdict": "too-few-labels",
                "reason": f"{len(gains)} of the 7 days of window 1 are known",
                "verdict_n": len(gains),
                "needed_n": 7,
                **dict.fromkeys(("verdict_difference", "verdict_low", "verdict_high")),
            }
        gain = float(np.mean(gains[-7:]))
        return {
            "verdict": "keep",
            "reason": "log_loss is better only on average",
            "verdict_n": 7,
            "needed_n": None,
            "verdict_difference": gain,
            "verdict_low": gain - 0.01,
            "verdict_high": gain + 0.01,
        }

    def drift(self, features: int) -> list[Row]:
        """Return three measures of each feature and of the score, on each day."""
        rows = []
        for i in range(features):
            level = 0.02 + 0.35 * (i == 1)
            for day in self.dates:
                psi = abs(self.random.normal(level, 0.01))
                rate = abs(self.random.normal(0.01, 0.002))
                for measure, value, reference, threshold in (
                    ("psi", psi, None, 0.2), ("jensen_shannon", psi / 4, None, 0.1), ("missing_rate", rate, 0.01, 0.05),
                ):  # fmt: skip
                    rows.append(
                        {
                            "run_date": day,
                            "variant": "" if i else self.variants[0],
                            "feature": f"feature_{i}" if i else "score",
                            "measure": measure,
                            "n": 900,
                            "value": value,
                            "reference": reference,
                            "threshold": threshold,
                            "is_warning": value > threshold,
                            "note": None,
                            "sql_version": "drift/features_v1",
                            "sql_digest": "fedcba9876543210",
                        }
                    )
        return rows

    def runs(self) -> list[Row]:
        """Return the events of each night; the fifth night is missing."""
        seconds = {"preprocess": 9.0, "train": 14.0, "predict": 2.0, "load": 1.5, "evaluate": 1.0}
        return [
            {
                "run_date": day,
                "run_id": f"synthetic-{day}-1",
                "phase": phase,
                "event": {"load": "published", "evaluate": "evaluated"}.get(phase, "done"),
                "variant": variant,
                "rows": 900,
                "seconds": usual * self.random.uniform(0.8, 1.4),
                "bytes": 120_000_000 if phase in ("preprocess", "evaluate") else None,
                "cost": None,
                "recorded_at": MADE_AT,
                "sql_version": "job/examples_v1",
                "sql_digest": "89abcdef01234567",
                "code_digest": None,
            }
            for place, day in enumerate(self.dates)
            if place != 4
            for phase, usual in seconds.items()
            for variant in (self.variants if phase in ("train", "predict", "load") else (None,))
        ]
