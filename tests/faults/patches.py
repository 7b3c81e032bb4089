"""Patches that switch the guards off: each changes functions or attributes of `pipeline` in the process of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import uuid4

import joblib
import pyarrow as pa
import pytest
from google.auth.transport.requests import AuthorizedSession

from pipeline.cloud import retries
from pipeline.cloud.bigquery import clients, submission
from pipeline.cloud.bigquery import warehouse as warehouse_module
from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, is_transient, with_retries
from pipeline.cloud.storage import objects
from pipeline.cloud.storage import store as store_module
from pipeline.cloud.storage.store import Store
from pipeline.models import fetch
from pipeline.phases import evaluate, load, predict, preprocess
from pipeline.rows.rejects import Split, split_frame
from pipeline.runs import claims, opening, publications
from pipeline.runs.artefacts import examples, models, prediction_checks, predictions
from pipeline.runs.artefacts.examples import Counts
from pipeline.runs.ledger import ledger
from pipeline.runs.run import Run
from pipeline.sql import identifiers

Patch = pytest.MonkeyPatch


def nothing(*_: Any, **__: Any) -> None:
    """Replace a function that raises."""


def always(*_: Any, **__: Any) -> bool:
    """Replace a function that tells whether a condition holds."""
    return True


def never(*_: Any, **__: Any) -> bool:
    """Replace a function that tells whether an error is transient."""
    return False


# --- jobs ------------------------------------------------------------------------------------------------------------


def attach_to_no_job(patch: Patch) -> None:
    patch.setattr(
        submission, "_submit_or_attach", lambda _, job_id, submit: (with_retries(lambda: submit(job_id)), True)
    )


def give_up_unknown_jobs(patch: Patch) -> None:
    def attach(client: Any, job_id: str, submit: Any) -> tuple[Any, bool]:
        try:
            return with_retries(lambda: submit(job_id)), True
        except submission.exceptions.Conflict:
            return with_retries(lambda: client.get_job(job_id, timeout=CALL_TIMEOUT, retry=NO_RETRY)), False

    patch.setattr(submission, "_submit_or_attach", attach)


def verify_effects(verify: Callable[[], bool]) -> Callable[[Patch], None]:
    """Give every finished job the same result of the check of its effect."""
    run_once = warehouse_module.run_once

    def verified(client: Any, job_id: str, submit: Any, _: Any, *, deadline: float) -> Any:
        return run_once(client, job_id, submit, verify, deadline=deadline)

    return lambda patch: patch.setattr(warehouse_module, "run_once", verified)


def attempt_once(patch: Patch) -> None:
    patch.setattr(submission, "is_transient", never)


# --- calls -----------------------------------------------------------------------------------------------------------


def repeat_no_call(patch: Patch) -> None:
    assert with_retries.__kwdefaults__
    patch.setitem(with_retries.__kwdefaults__, "passing", never)


def repeat_only_statuses(patch: Patch) -> None:
    patch.setattr(retries, "NO_WHOLE_ANSWER", ())


def repeat_everything(patch: Patch) -> None:
    assert with_retries.__kwdefaults__
    patch.setitem(with_retries.__kwdefaults__, "passing", lambda error: is_transient(error) or True)


def know_no_words(patch: Patch) -> None:
    patch.setattr(retries, "TRANSIENT_WORDS", ())


def know_no_status(patch: Patch) -> None:
    patch.setattr(retries, "TRANSIENT_STATUSES", frozenset())


def repeat_far_too_long(patch: Patch) -> None:
    patch.setattr(retries, "monotonic", lambda: monotonic() / 50)  # finite, so that the test ends


def wait_for_http_without_end(patch: Patch) -> None:
    send = AuthorizedSession.request

    def patient(self: Any, method: str, url: str, **options: Any) -> Any:
        return send(self, method, url, **options | {"timeout": None})

    # All clients of the pipeline send their calls with this method.
    patch.setattr(AuthorizedSession, "request", patient)


def wait_for_streams_without_end(patch: Patch) -> None:
    patch.delattr(clients.ReadClient, "create_read_session")
    patch.delattr(clients.ReadClient, "read_rows")


def name_no_role(patch: Patch) -> None:
    patch.setattr(retries, "hint_for", lambda _: "")


# --- objects ---------------------------------------------------------------------------------------------------------


def create_again(patch: Patch) -> None:
    def upload(blob: Any, sent: objects.Content, upload: Callable[..., None], *arguments: Any, timeout: float) -> None:
        upload(*arguments, checksum="crc32c", timeout=timeout, retry=NO_RETRY)

    patch.setattr(store_module, "create", upload)


def compare_no_upload(patch: Patch) -> None:
    def create(blob: Any, sent: objects.Content, upload: Callable[..., None], *arguments: Any, timeout: float) -> None:
        upload(*arguments, if_generation_match=0, checksum=None, timeout=timeout, retry=NO_RETRY)

    patch.setattr(store_module, "create", create)


def put_file(on_412: Callable[[Any], None]) -> Callable[[Patch], None]:
    """Upload files, and call `on_412` instead of a comparison when an object exists."""

    def put(self: Store, path: Any, uri: str) -> Any:
        blob, sent = self._blob(uri), objects.Content.of_file(path)
        try:
            with_retries(lambda: objects.create(blob, sent, blob.upload_from_filename, str(path), timeout=CALL_TIMEOUT))
        except store_module.exceptions.PreconditionFailed:
            on_412(blob)
        return store_module._stored(blob)

    return lambda patch: patch.setattr(Store, "put_file", put)


def refuse_412(_: Any) -> None:
    raise store_module.CloudError("another object exists already")


def accept_412(blob: Any) -> None:
    blob.reload()


def check_no_download(patch: Patch) -> None:
    def read(self: Store, uri: str) -> bytes | None:
        try:
            content: bytes = self._blob(uri).download_as_bytes(checksum=None)
        except store_module.exceptions.NotFound:
            return None
        return content

    patch.setattr(Store, "read_bytes", read)


def keep_own_marker(name: str) -> Callable[[Patch], None]:
    """Continue with the result of this attempt even if another was first."""
    put = Store.put_json_once

    def put_json(self: Store, value: Any, uri: str) -> Any:
        committed = put(self, value, uri)
        return value if name in uri else committed

    return lambda patch: patch.setattr(Store, "put_json_once", put_json)


# --- models and rows -------------------------------------------------------------------------------------------------


def verify_no_bundle(patch: Patch) -> None:
    patch.setattr(fetch, "verify", nothing)


def unpickle_first(patch: Patch) -> None:
    verify = fetch.verify

    def load_then_verify(folder: Any, *rest: Any) -> None:
        joblib.load(folder / "model.joblib")
        verify(folder, *rest)

    patch.setattr(fetch, "verify", load_then_verify)


def ask_no_ledger(patch: Patch) -> None:
    patch.setattr(predict, "check_recorded", nothing)


def reject_no_row(patch: Patch) -> None:
    def split(frame: Any, schema: Any, *, origin: str) -> Split:
        parts = split_frame(frame, schema, origin=origin)
        whole = parts.frame.astype({"score": "float64"})
        return replace(parts, cast=whole, misfits=parts.misfits & False, rejects=parts.rejects[:0])

    patch.setattr(prediction_checks, "split_frame", split)


def allow_every_reject(patch: Patch) -> None:
    patch.setattr(predict, "check_reject_rate", nothing)


def refuse_no_value(patch: Patch) -> None:
    from pipeline.rows import jsonl

    patch.setattr(jsonl, "refuse_rejects", nothing)


def cast_nothing(patch: Patch) -> None:
    def uncast(columns: dict[str, Any], schema: Any, order_by: Any, **_: Any) -> Any:
        return pa.table(columns).to_pandas()[schema.names].sort_values(list(order_by), ignore_index=True)

    patch.setattr(warehouse_module, "cast_columns", uncast)


def accept_any_entity(patch: Patch) -> None:
    patch.setattr(prediction_checks, "_check_keys", nothing)


def trust_markers_of_examples(patch: Patch) -> None:
    def cached(run: Run) -> Any:
        marker = run.session.store.read_json(run.layout.examples)
        return Counts(**marker) if marker else None

    patch.setattr(preprocess, "_cached", cached)


def trust_jobs_of_examples(patch: Patch) -> None:
    patch.setattr(preprocess, "_is_made", lambda run: run.session.warehouse.tables.exists(run.table("examples")))


def trust_jobs_that_append(patch: Patch) -> None:
    patch.setattr(Warehouse, "append", lambda self, statement, *, step: self.execute(statement, step=step))


def take_any_record(patch: Patch) -> None:
    for module in (claims, examples, models, predictions):
        patch.setattr(module, "record_of", lambda kind, value, _: kind(**value))


def void_no_run(patch: Patch) -> None:
    patch.setattr(Run, "void", nothing)


def check_no_data(patch: Patch) -> None:
    for phase in (load, preprocess):
        patch.setattr(phase, "refuse_failed", nothing)


# --- loading and publishing ------------------------------------------------------------------------------------------


def load_changed_files(patch: Patch) -> None:
    patch.setattr(load, "refuse_changed_files", nothing)


def load_any_schema(patch: Patch) -> None:
    patch.setattr(load, "refuse_other_schema", nothing)


def load_the_whole_folder(patch: Patch) -> None:
    checked = load.load_from_uris

    def load_all(session: Any, uris: Iterable[str], *args: Any, **options: Any) -> Any:
        folders = {uri.rpartition("/")[0] for uri in uris}
        objects = [item.uri for folder in folders for item in session.store.list(f"{folder}/")]
        files = [uri for uri in objects if uri.endswith(".jsonl")]
        return checked(session, files, *args, **options | {"rows": AnyNumber()})

    patch.setattr(load, "load_from_uris", load_all)


class AnyNumber(int):
    """A number that is equal to all numbers."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def count_no_rows(patch: Patch) -> None:
    checked = load.load_from_uris

    def load_any(*args: Any, rows: int, **options: Any) -> Any:
        return checked(*args, rows=AnyNumber(rows), **options)

    patch.setattr(load, "load_from_uris", load_any)
    patch.setattr(load, "is_published", always)


def count_no_duplicates(patch: Patch) -> None:
    read = Warehouse.rows

    def rows(self: Warehouse, statement: Any) -> list[dict[str, Any]]:
        return [row | ({"duplicate_keys": 0} if "duplicate_keys" in row else {}) for row in read(self, statement)]

    patch.setattr(Warehouse, "rows", rows)


def look_for_no_newer_run(patch: Patch) -> None:
    patch.setattr(load, "refuse_superseded", nothing)


def publish_over_anything(patch: Patch) -> None:
    guarded = load.publish_statement

    def publish(session: Any, job: Any, table: Any, values: Mapping[str, Any]) -> Any:
        return guarded(session, job, table, {**values, "generation": 10**6})

    patch.setattr(load, "publish_statement", publish)


def trust_events(patch: Patch) -> None:
    patch.setattr(publications, "is_published", always)


def trust_tables(patch: Patch) -> None:
    def finished(run: Run, manifests: Iterable[Any]) -> list[Any]:
        slices = publications.published_slices(run)
        return [manifest for manifest in manifests if publications.is_published(manifest, slices)]

    patch.setattr(load, "finished", finished)


def evaluate_anything(patch: Patch) -> None:
    patch.setattr(evaluate, "_is_current", always)


def name_champion_each_time(patch: Patch) -> None:
    def name(run: Run, manifests: Any) -> None:
        run.ledger.decide_champion(run.job.variants[0].id, run.run_date, "published")

    patch.setattr(load, "name_champion", name)


def record_events_again(patch: Patch) -> None:
    row = ledger._event_row
    patch.setattr(ledger, "_event_row", lambda *args: row(*args) | {"event_id": uuid4().hex})


def join_any_definition(patch: Patch) -> None:
    patch.setattr(opening, "run_definition", lambda job, _: {"job": job.name})


# --- names -----------------------------------------------------------------------------------------------------------


def check_no_name(patch: Patch) -> None:
    patch.setattr(identifiers, "_check", lambda *args: args[1])
