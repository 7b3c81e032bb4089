"""`make bench`: compares the time of the pipeline with that of the same work by hand, as ratios within one run."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import (
    command_line,
    dashboard,
    metrics_binary,
    metrics_families,
    metrics_ranking,
    recommend,
    run_by_hand,
)


def main() -> None:
    """Run every benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="number of alternating measurements of both")
    parser.add_argument(
        "--local-dir", type=Path, help="folder of a local target with loaded sources; default: a new one"
    )
    options = parser.parse_args()
    command_line.report()
    dashboard.report()
    metrics_binary.report()
    metrics_ranking.report()
    metrics_families.report()
    recommend.report()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run_by_hand.report(options.local_dir or Path(folder) / "local", options.pairs)


if __name__ == "__main__":
    main()
