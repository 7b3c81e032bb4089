"""What the local target cannot prove: `pipeline doctor` prints it; it is what docs/local-target.md says in tables."""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """What is so in the cloud, and what is so here instead; names of code in back quotes."""

    cloud: str
    here: str

    def __str__(self) -> str:
        return f"  {self.cloud}; here: {self.here}".replace("`", "")


HEADING = "What the local target cannot prove"
"""Heading of the first of these tables in docs/local-target.md."""


RIGHTS = Limit(
    "whoever calls has a name, and rights that every call needs",
    "everybody is `anonymous` and may do everything",
)


APIS = Limit(
    "APIs are enabled in a project, or not",
    "they always answer",
)


LOCATIONS = Limit(
    "datasets and buckets have locations, and what lies elsewhere is refused",
    "nothing compares the names of locations",
)


SETTINGS = Limit(
    "a bucket has uniform access, public access prevention and soft delete",
    "it has none of them",
)


MADE = Limit(
    "datasets and bucket are made by a person, or by deploy.sh",
    "the first command makes them",
)


UNKNOWN = {
    "credentials": RIGHTS.here.replace("`", ""),
    "apis": APIS.here,
    "locations": LOCATIONS.here,
    "bucket settings": SETTINGS.here,
    "rights": RIGHTS.here.replace("`", ""),
}
"""What `pipeline doctor` cannot ask here, by its own names of it, and what is so instead."""


BYTES = Limit(
    "bytes of a query, also of a dry run, come from the partitions and columns that it really reads",
    "an estimate from the sizes of the columns that a statement names, in all rows: no partition is left out",
)
"""What `pipeline plan` repeats beside the bytes that it shows."""


LIMITS = (
    Limit(
        "queries run side by side",
        "one after another, in one process",
    ),
    Limit(
        "updates collide for as long as they run, in scripts and transactions as well",
        "only single statements sent within 3 ms",
    ),
    BYTES,
    Limit(
        "slot time is what all workers took",
        "the time that the emulator took",
    ),
    RIGHTS,
    APIS,
    LOCATIONS,
    SETTINGS,
    MADE,
    Limit(
        "quotas, reservations",
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
    Limit(
        "`if_generation_match` holds for uploads of any size",
        (
            "ignored by resumable uploads (Google's client above 8 MiB, with a `chunk_size`, "
            "or of unknown size): the older object is overwritten"
        ),
    ),
    Limit(
        "an upload that does not match the crc32c or MD5 that came with it is refused: 400",
        "stored; the answer holds the content's own checksums",
    ),
    Limit(
        "downloads and deletes honour preconditions and generations",
        "a delete ignores both; a download ignores preconditions",
    ),
    Limit(
        "a part of a resumable upload that is sent again is stored once",
        "stored twice",
    ),
    Limit(
        "`Content-Range: bytes */n` asks how far a resumable upload got",
        "ends it: what arrived becomes the object",
    ),
    Limit(
        "a resumable upload can go on for a week",
        "until a restart: then 404",
    ),
    Limit(
        "objects `a` and `a/b` can both exist",
        "the second fails: 500",
    ),
    Limit(
        "object names are free",
        "255 bytes between slashes; `..` is not resolved safely",
    ),
)
