"""What the local target cannot prove: `pipeline doctor` prints it, and `tools/limits.py` writes it into the docs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Limit(NamedTuple):
    """A difference between the cloud and the local target; names of code stand in back quotes.

    Parameters
    ----------
    cloud, here
        The behaviour in the cloud, and that of the local target.
    proof
        The test that shows it, or the case below `tests/sql/`; empty if there is none.
    """

    cloud: str
    here: str
    proof: str = ""

    def __str__(self) -> str:
        return f"  {self.cloud}; here: {self.here}".replace("`", "")


HEADING = "What the local target cannot prove"

RIGHTS = Limit(
    "a caller has an account, and every call needs a permission",
    "every caller is `anonymous` and may do everything",
)
APIS = Limit("APIs are enabled in a project, or not", "all of them answer")
LOCATIONS = Limit(
    "datasets and buckets have locations, and a request for another location is refused",
    "locations are not compared",
)
SETTINGS = Limit("a bucket has uniform access, public access prevention and soft delete", "it has none of them")
MADE = Limit("a person or deploy.sh makes datasets and bucket", "the first command makes them")

UNKNOWN = {
    "credentials": RIGHTS.here.replace("`", ""),
    "apis": APIS.here,
    "locations": LOCATIONS.here,
    "bucket settings": SETTINGS.here,
    "rights": RIGHTS.here.replace("`", ""),
}
"""Checks that `pipeline doctor` cannot make here, by its names of them -> the behaviour here."""

BYTES = Limit(
    "bytes of a query, also of a dry run, come from the partitions and columns that it really reads",
    "an estimate from the sizes of the columns that a statement names, in all rows: no partition is left out",
    "test_columns_that_a_statement_names_are_processed",
)
"""`pipeline plan` repeats it below the bytes that it shows."""

SERVICES = (
    Limit("queries run side by side", "one after another, in one process"),
    Limit(
        "updates collide for as long as they run, in scripts and transactions as well",
        "only single statements that are sent within 3 ms",
    ),
    BYTES,
    Limit(
        "slot time is the time of all workers",
        "the time of the emulator",
        "test_finished_job_has_bytes_and_slot_time",
    ),
    RIGHTS,
    APIS,
    LOCATIONS,
    SETTINGS,
    MADE,
    Limit("quotas, reservations", "none"),
    Limit(
        "`CREATE OR REPLACE TABLE` has a history",
        "time travel still shows the rows that a load or DML left before it",
    ),
    Limit("time travel before the first load of a table is 400", "500"),
    Limit("table expiration, clustering and labels in DDL", "dropped"),
    Limit("a schema comes back with the legacy type names (FLOAT)", "as it was given (FLOAT64)"),
    Limit(
        "results of a SELECT can be fetched for a day",
        "the last 64 results and 16 read sessions, until a restart",
    ),
    Limit("streaming inserts, Storage Write", "Storage Write is not served"),
)

SQL = (
    Limit(
        "`TO_JSON_STRING(STRUCT(...))` names back-quoted columns, so `_shard` and checksums depend on the names",
        "the names are empty: other shards and checksums, as stable as those",
        "phases/examples_v1/nasty_shards",
    ),
    Limit(
        "`TO_JSON_STRING` writes moments as `2013-07-01T00:00:00Z`, and INT64 above 2^53 in quotes",
        "`2013-07-01 00:00:00+00`, no quotes",
    ),
    Limit(
        "`TIMESTAMP_DIFF(..., MINUTE)` counts whole minutes",
        "counts the minutes that begin",
        "examples_v1/nasty_seconds",
    ),
    Limit("`CAST(1.0 AS STRING)` is `1`", "`1.0`", "checks/not_accepted_v1/nasty_whole_floats"),
    Limit("a parameter may be an empty array of structs", "refused", "ledger/append_events_v1/empty_submission"),
    Limit(
        "`COUNTIF(...) OVER`, `DATE(@moment, @zone)`, `TIMESTAMP(DATE '...', @zone)`",
        "refused: write `SUM(IF(...)) OVER`, a zone's name, a column",
    ),
)

STORAGE = (
    Limit(
        "`if_generation_match` holds for uploads of any size",
        "ignored by resumable uploads (Google's client above 8 MiB, with a `chunk_size`, or of unknown size): the older"
        " object is overwritten",
        "test_shortcoming_resumable_upload_ignores_preconditions",
    ),
    Limit(
        "an upload that does not match the crc32c or MD5 that came with it is refused: 400",
        "stored; the answer holds the content's own checksums",
        "test_shortcoming_upload_is_not_compared_with_its_checksum",
    ),
    Limit(
        "downloads and deletes honour preconditions and generations",
        "a delete ignores both; a download ignores preconditions",
        "test_shortcoming_preconditions_of_download_and_delete",
    ),
    Limit(
        "a part of a resumable upload that is sent again is stored once",
        "stored twice",
        "test_shortcoming_part_that_is_sent_again_is_stored_twice",
    ),
    Limit(
        "`Content-Range: bytes */n` asks how far a resumable upload got",
        "ends it: what arrived becomes the object",
        "test_shortcoming_asking_for_the_progress_ends_an_upload",
    ),
    Limit("a resumable upload can continue for a week", "until a restart: then 404"),
    Limit("objects `a` and `a/b` can both exist", "the second fails: 500"),
    Limit("object names are free", "255 bytes between slashes; `..` is not resolved safely"),
)

LIMITS = (*SERVICES, *SQL, *STORAGE)


def markdown_table(limits: Sequence[Limit]) -> str:
    """Return limits as a Markdown table with the columns cloud, here and proof."""
    rows = [(limit.cloud, limit.here, f"`{limit.proof}`" if limit.proof else "") for limit in limits]
    return "".join(f"| {' | '.join(row)} |\n" for row in (("in the cloud", "here", "proof"), ("---",) * 3, *rows))
