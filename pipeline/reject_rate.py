"""How many rejected rows a run may have, and what is said when there are more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.errors import CheckError
from pipeline.manifest import Manifest, ShardFile
from pipeline.runs import Run


def is_above(rejected: int, rows: int, max_reject_rate: float) -> bool:
    """Tell whether too many rows of `rows` were rejected; a rate that is no number allows none."""
    return rejected > 0 and not rejected / rows <= max_reject_rate


def check_reject_rate(run: Run, manifests: Sequence[Manifest], max_reject_rate: float) -> None:
    """Raise when a set of predictions has too many rejected rows.

    Parameters
    ----------
    manifests
        Complete sets that are not committed yet.
    max_reject_rate
        Rejected rows that are allowed, as a share of all rows that a model returned.

    Raises
    ------
    CheckError
        A model has more.
    """
    above = [each for each in manifests if is_above(each.rejected, each.rows + each.rejected, max_reject_rate)]
    if above:
        raise _error(run, above[0], max_reject_rate)


def _error(run: Run, manifest: Manifest, max_reject_rate: float) -> CheckError:
    shard = next(shard for shard in manifest.shards if shard.rejected)
    first = _first_reject(run, shard)
    rows = manifest.rows + manifest.rejected
    what = (
        f"{manifest.variant}: {manifest.rejected} of {rows} predictions do not fit the prediction schema, more than "
        f"--max-reject-rate {max_reject_rate:g} allows; the first is {first['file']}: line {first['line']}, "
        f"column {first['column']}: {first['reason']}; see {shard.rejects}"
    )
    return CheckError(what, hint="nothing was published; mend the model's predict, or allow more")


def _first_reject(run: Run, shard: ShardFile) -> dict[str, Any]:
    content = run.session.store.read_bytes(shard.rejects)
    if content is None:
        raise CheckError(f"{shard.rejects}: this file of rejected rows is gone", hint="add --rerun")
    first: dict[str, Any] = json.loads(content.split(b"\n", 1)[0])
    return first
