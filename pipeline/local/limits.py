"""What the local target cannot prove: `pipeline doctor` prints it, docs/local-target.md holds the same tables."""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """What is so in the cloud, and what is so here instead; names of code in back quotes."""

    cloud: str
    here: str

    def __str__(self) -> str:
        return f"  {self.cloud}; here: {self.here}".replace("`", "")


HEADING = "What the local target cannot prove"
"""Heading of the tables in docs/local-target.md."""


LIMITS = (
    Limit(
        "`if_generation_match=0` creates an object once, whatever its size",
        "small objects only: an upload of more than 8 MiB (resumable) overwrites",
    ),
    Limit(
        "downloads and deletes honour preconditions",
        "ignored",
    ),
    Limit(
        "objects `a` and `a/b` can both exist",
        "the second fails: 500",
    ),
    Limit(
        "object names are free",
        "255 bytes between slashes; `..` is not resolved safely",
    ),
    Limit(
        "queries run side by side",
        "one after another, in one process; so updates never collide",
    ),
    Limit(
        "rights, quotas, bytes billed, reservations, locations",
        "none",
    ),
    Limit(
        "`CREATE OR REPLACE TABLE` has a history",
        "time travel still shows the rows that a load or DML left before it",
    ),
    Limit(
        "time travel before the first load of a table",
        "500 instead of 400",
    ),
    Limit(
        "table expiration, clustering and labels in DDL",
        "dropped",
    ),
    Limit(
        "a schema comes back with the legacy type names (FLOAT)",
        "as it was given (FLOAT64)",
    ),
    Limit(
        "results of a SELECT can be fetched for a day",
        "the last 64 results and 16 read sessions, until a restart",
    ),
    Limit(
        "streaming inserts, Storage Write",
        "Storage Write is not served",
    ),
    Limit(
        "`TO_JSON_STRING(STRUCT(...))` names back-quoted columns, so `_shard` and checksums depend on the names",
        "the names are empty: other shards and checksums, as stable as those",
    ),
    Limit(
        "`TO_JSON_STRING` writes moments as `2013-07-01T00:00:00Z`, and INT64 above 2^53 in quotes",
        "`2013-07-01 00:00:00+00`, no quotes",
    ),
    Limit(
        "`TIMESTAMP_DIFF(..., MINUTE)` counts whole minutes",
        "counts the minutes that begin",
    ),
    Limit(
        "`CAST(1.0 AS STRING)` is `1`",
        "`1.0`",
    ),
    Limit(
        "a parameter may be an empty array of structs",
        "refused",
    ),
    Limit(
        "`COUNTIF(...) OVER`, `DATE(@moment, @zone)`, `TIMESTAMP(DATE '...', @zone)`",
        "refused: write `SUM(IF(...)) OVER`, a zone's name, a column",
    ),
)
