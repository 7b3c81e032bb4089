"""The guards of the protocol, each with what switches it off and the test that notices.

A patch replaces one function or attribute of `pipeline`, in the process of a test and nowhere else (`sabotage.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from uuid import uuid4

import joblib
import pytest
from google.auth.transport.requests import AuthorizedSession

from pipeline import bundle, claims, ledger, model_files, prediction_checks, prediction_files, published, retries, runs
from pipeline.phases import evaluate, load, predict, preprocess
from pipeline.rejects import Split, split_frame
from pipeline.retries import CALL_TIMEOUT, NO_RETRY, is_transient, with_retries
from pipeline.runs import Run
from pipeline.sql_assets import identifiers
from pipeline.store import Store, content
from pipeline.store import store as store_module
from pipeline.warehouse import Warehouse, clients, submission
from pipeline.warehouse import warehouse as warehouse_module

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Guard:
    """One guard.

    Parameters
    ----------
    name
        What it does.
    patch
        Switches it off.
    test
        `<module>::<test>` below `tests/faults`, which fails without it.
    """

    name: str
    patch: Callable[[Patch], None]
    test: str

    @property
    def node(self) -> str:
        """The test as pytest names it."""
        return f"tests/faults/{self.test}"


def nothing(*_: Any, **__: Any) -> None:
    """Stand for a function that refuses."""


def always(*_: Any, **__: Any) -> bool:
    """Stand for a function that tells whether all is well."""
    return True


def never(*_: Any, **__: Any) -> bool:
    """Stand for a function that tells whether something passes by itself."""
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


def verify_effects(found: Callable[[], bool]) -> Callable[[Patch], None]:
    """Say the same of the effect of every finished job."""
    made = warehouse_module.Submission
    return lambda patch: patch.setattr(
        warehouse_module, "Submission", lambda job_id, submit, _: made(job_id, submit, found)
    )


def attempt_once(patch: Patch) -> None:
    patch.setattr(submission, "_asks_for_next_attempt", never)


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
    patch.setattr(retries, "monotonic", lambda: monotonic() / 50)  # not for good: the test has to end


def wait_for_http_without_end(patch: Patch) -> None:
    send = AuthorizedSession.request

    def patient(self: Any, method: str, url: str, **options: Any) -> Any:
        return send(self, method, url, **options | {"timeout": None})

    patch.setattr(
        AuthorizedSession, "request", patient
    )  # every call of the clients that pipeline makes goes through it


def wait_for_streams_without_end(patch: Patch) -> None:
    patch.delattr(clients.RestrictedReadClient, "create_read_session")
    patch.delattr(clients.RestrictedReadClient, "read_rows")


def name_no_role(patch: Patch) -> None:
    patch.setattr(retries, "hint_for", lambda _: "")


# --- objects ---------------------------------------------------------------------------------------------------------


def create_again(patch: Patch) -> None:
    def upload(blob: Any, sent: content.Content, upload: Callable[..., None], *arguments: Any, timeout: float) -> None:
        upload(*arguments, checksum="crc32c", timeout=timeout, retry=NO_RETRY)

    patch.setattr(store_module, "create", upload)


def compare_no_upload(patch: Patch) -> None:
    def create(blob: Any, sent: content.Content, upload: Callable[..., None], *arguments: Any, timeout: float) -> None:
        upload(*arguments, if_generation_match=0, checksum=None, timeout=timeout, retry=NO_RETRY)

    patch.setattr(store_module, "create", create)


def put_file(on_412: Callable[[Any], None]) -> Callable[[Patch], None]:
    """Upload files, and do something else than compare when one is there."""

    def put(self: Store, path: Any, uri: str) -> Any:
        blob, sent = self._blob(uri), content.Content.of_file(path)
        try:
            with_retries(lambda: content.create(blob, sent, blob.upload_from_filename, str(path), timeout=CALL_TIMEOUT))
        except store_module.exceptions.PreconditionFailed:
            on_412(blob)
        return store_module._stored(blob)

    return lambda patch: patch.setattr(Store, "put_file", put)


def refuse_412(_: Any) -> None:
    raise store_module.CloudError("another object is already there")


def accept_412(blob: Any) -> None:
    blob.reload()


def check_no_download(patch: Patch) -> None:
    def read(self: Store, uri: str) -> bytes | None:
        try:
            found: bytes = self._blob(uri).download_as_bytes(checksum=None)
        except store_module.exceptions.NotFound:
            return None
        return found

    patch.setattr(Store, "read_bytes", read)


def keep_own_claim(patch: Patch) -> None:
    put = Store.put_json_once

    def put_json(self: Store, value: Any, uri: str) -> Any:
        found = put(self, value, uri)
        return value if "/generations/" in uri else found

    patch.setattr(Store, "put_json_once", put_json)


def keep_own_marker(name: str) -> Callable[[Patch], None]:
    """Go on with what this attempt made, whoever was first."""
    put = Store.put_json_once

    def put_json(self: Store, value: Any, uri: str) -> Any:
        found = put(self, value, uri)
        return value if name in uri else found

    return lambda patch: patch.setattr(Store, "put_json_once", put_json)


# --- models and rows -------------------------------------------------------------------------------------------------


def verify_no_bundle(patch: Patch) -> None:
    patch.setattr(bundle, "_verify", nothing)


def unpickle_first(patch: Patch) -> None:
    verified = bundle.read_bundle

    def read(folder: Any) -> Any:
        joblib.load(folder / "model.joblib")
        return verified(folder)

    patch.setattr(model_files, "read_bundle", read)


def reject_no_row(patch: Patch) -> None:
    def split(frame: Any, schema: Any, *, origin: str) -> Split:
        found = split_frame(frame, schema, origin=origin)
        lines = range(len(frame))
        whole = frame[schema.names].reset_index(drop=True).loc[lines].astype({"score": "float64"})
        return replace(found, rows=whole, rejects=found.rejects[:0])

    patch.setattr(prediction_files, "split_frame", split)


def allow_every_reject(patch: Patch) -> None:
    patch.setattr(predict, "check_reject_rate", nothing)


def refuse_no_value(patch: Patch) -> None:
    from pipeline import ndjson

    patch.setattr(ndjson, "refuse_rejects", nothing)


def cast_nothing(patch: Patch) -> None:
    patch.setattr(warehouse_module, "cast_frame", lambda frame, schema, **_: frame[schema.names])


def answer_for_anybody(patch: Patch) -> None:
    patch.setattr(prediction_checks, "_check_entities", nothing)


def trust_markers_of_examples(patch: Patch) -> None:
    def cached(run: Run) -> Any:
        marker = run.session.store.read_json(preprocess._marker_uri(run))
        return preprocess.Counts(**marker) if marker else None

    patch.setattr(preprocess, "_cached", cached)


def trust_jobs_of_examples(patch: Patch) -> None:
    patch.setattr(preprocess, "_stand", lambda run: run.session.warehouse.tables.exists(run.table("examples")))


def trust_jobs_that_append(patch: Patch) -> None:
    patch.setattr(ledger.Ledger, "_append_missing", ledger.Ledger._append)


def take_any_record(patch: Patch) -> None:
    for module in (claims, model_files, prediction_files, preprocess):
        patch.setattr(module, "record_of", lambda kind, value, _: kind(**value))


def void_no_run(patch: Patch) -> None:
    patch.setattr(Run, "void", nothing)


def check_no_data(patch: Patch) -> None:
    for phase in (load, preprocess):
        patch.setattr(phase, "refuse_failed", nothing)


# --- loading and publishing ------------------------------------------------------------------------------------------


def load_changed_files(patch: Patch) -> None:
    patch.setattr(load, "refuse_changed_files", nothing)


def load_the_whole_folder(patch: Patch) -> None:
    checked = load.load_from_uris

    def load_all(session: Any, uris: Iterable[str], *args: Any, **options: Any) -> Any:
        folders = {uri.rpartition("/")[0] for uri in uris}
        found = [item.uri for folder in folders for item in session.store.list(f"{folder}/")]
        return checked(
            session, [uri for uri in found if uri.endswith(".jsonl")], *args, **options | {"rows": AnyNumber()}
        )

    patch.setattr(load, "load_from_uris", load_all)


class AnyNumber(int):
    """Equal to all numbers."""

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


def count_no_doubles(patch: Patch) -> None:
    asked = Warehouse.rows

    def rows(self: Warehouse, statement: Any) -> list[dict[str, Any]]:
        return [row | ({"duplicate_keys": 0} if "duplicate_keys" in row else {}) for row in asked(self, statement)]

    patch.setattr(Warehouse, "rows", rows)


def look_for_no_newer_run(patch: Patch) -> None:
    patch.setattr(load, "refuse_superseded", nothing)


def publish_over_anything(patch: Patch) -> None:
    guarded = load.publish_statement

    def publish(session: Any, job: Any, table: Any, values: Mapping[str, Any]) -> Any:
        return guarded(session, job, table, {**values, "generation": 10**6})

    patch.setattr(load, "publish_statement", publish)


def trust_events(patch: Patch) -> None:
    patch.setattr(published, "is_published", always)


def trust_tables(patch: Patch) -> None:
    def finished(run: Run, manifests: Iterable[Any]) -> list[Any]:
        slices = published.published_slices(run)
        return [manifest for manifest in manifests if published.is_published(manifest, slices)]

    patch.setattr(load, "finished", finished)


def evaluate_anything(patch: Patch) -> None:
    patch.setattr(evaluate, "_stands", always)


def name_champion_each_time(patch: Patch) -> None:
    def name(run: Run, manifests: Any) -> None:
        run.ledger.decide_champion(run.job.variants[0].id, run.run_date, "published")

    patch.setattr(load, "name_champion", name)


def record_events_again(patch: Patch) -> None:
    row = ledger._event_row
    patch.setattr(ledger, "_event_row", lambda *args: row(*args) | {"event_id": uuid4().hex})


def join_any_definition(patch: Patch) -> None:
    patch.setattr(runs, "run_definition", lambda job, _: {"job": job.name})


# --- names -----------------------------------------------------------------------------------------------------------


def check_no_name(patch: Patch) -> None:
    patch.setattr(identifiers, "_check", lambda *args: args[1])


REPLIES, FILES, PROCESSES, VALUES = (f"test_{name}.py::test_" for name in ("replies", "files", "processes", "values"))
PASSES = f"{REPLIES}a_status_that_passes_on_any_call_is_waited_for_and_the_work_is_done_once"
STAYS = f"{REPLIES}a_status_that_stays_on_any_call_ends_with_exit_code_4_after_the_deadline"
TORN = f"{REPLIES}a_lost_or_torn_reply_of_any_call_is_asked_for_again_and_the_work_is_done_once"
SILENT = f"{REPLIES}a_silent_server_on_any_call_is_given_up_in_time_and_the_work_is_done_once"
DONE = f"{REPLIES}a_job_that_is_done_with_an_error_that_passes_is_followed_by_the_next_attempt"
ATTACHED = f"{REPLIES}after_a_lost_reply_the_job_is_attached_to_and_not_submitted_under_another_id"
REPLACED = f"{FILES}a_shard_of_the_manifest_that_was_replaced_stops_the_load_before_its_job"
OVERWRITTEN = f"{FILES}a_slice_that_another_run_has_overwritten_is"
ZOMBIE = f"{PROCESSES}a_zombie"
REFUSED = f"{REPLIES}a_missing_permission_on_any_call_is_not_repeated_and_named_with_the_role_that_grants_it"
RESUMED = f"{FILES}examples_that_expired_before_a_run_is_resumed_are_made_again_under_the_next_attempt"
RELOADED = f"{FILES}a_run_table_of_predictions_that_expired_before_a_load_is_resumed_is_loaded_again"
PROMISED = f"{FILES}a_manifest_that_promises_other_rows_than_were_loaded_publishes_nothing"
CHAMPION = f"{FILES}a_champion_that_is_named_stays_when_another_variant_of_the_job_is_published"
SCORE = f"{VALUES}a_score_that_does_not_fit_ends_with_exit_code_3_and_publishes_nothing"
VALUE = f"{VALUES}a_value_that_does_not_fit_is_refused_with_line_and_column_and_no_file_is_left"
EMPTY = f"{VALUES}empty_input_voids_the_run_and_the_next_attempt_reads_what_has_come_since"
SHARDS = f"{VALUES}a_shard_count_that_changed_between_attempts_is_another_definition_and_nothing_is_mixed"
SWAPPED = f"{FILES}a_model_file_that_was_swapped_is_refused_and_its_code_never_runs"

GUARDS = (
    Guard("409 attaches to the job", attach_to_no_job, ATTACHED),
    Guard(
        "404 after 409 is waited for",
        give_up_unknown_jobs,
        f"{REPLIES}409_then_404_is_waited_for_and_the_job_is_attached_to",
    ),
    Guard("a finished job is used only if its effect stands", verify_effects(lambda: True), RELOADED),
    Guard("a finished job whose effect stands is used", verify_effects(lambda: False), ATTACHED),
    Guard(
        "a job that failed in a way that passes gets the next attempt", attempt_once, f"{DONE}[DONE with backendError]"
    ),
    Guard("calls are repeated", repeat_no_call, f"{PASSES}[a load]"),
    Guard("statuses pass", know_no_status, f"{PASSES}[downloading]"),
    Guard("answers that are not whole pass", repeat_only_statuses, f"{TORN}[listing objects]"),
    Guard("only what passes is repeated", repeat_everything, f"{REFUSED}[looking at a table]"),
    Guard("calls are repeated for a bounded time", repeat_far_too_long, f"{STAYS}[downloading]"),
    Guard("concurrent updates are known by their words", know_no_words, f"{DONE}[concurrent update]"),
    Guard("calls over HTTP have a time limit", wait_for_http_without_end, f"{SILENT}[downloading]"),
    Guard("streams of rows have a time limit", wait_for_streams_without_end, f"{SILENT}[opening a stream of rows]"),
    Guard("a missing permission is named with its role", name_no_role, f"{REFUSED}[looking at a table]"),
    Guard(
        "markers are created once",
        create_again,
        f"{REPLIES}a_marker_is_created_once_and_who_comes_late_gets_the_first_value",
    ),
    Guard(
        "412 for one's own upload is done",
        put_file(refuse_412),
        f"{REPLIES}412_for_ones_own_upload_means_that_it_is_done",
    ),
    Guard(
        "412 for another's upload is refused",
        put_file(accept_412),
        f"{REPLIES}412_for_anothers_upload_is_refused_and_the_other_object_stays",
    ),
    Guard(
        "downloads are compared with their checksum",
        check_no_download,
        f"{REPLIES}a_download_with_a_flipped_bit_is_read_again",
    ),
    Guard(
        "uploads are compared with what was sent",
        compare_no_upload,
        f"{REPLIES}an_upload_with_a_flipped_bit_does_not_stay[file]",
    ),
    Guard(
        "the loser of a claim uses the winner's",
        keep_own_claim,
        f"{PROCESSES}of_two_claims_at_once_one_wins_and_both_read_what_it_fixed",
    ),
    Guard(
        "the loser of a shard uses the winner's",
        keep_own_marker("/shard-"),
        f"{ZOMBIE}_of_the_same_shard_gets_the_file_that_was_committed_first",
    ),
    Guard(
        "the loser of a model uses the winner's",
        keep_own_marker("/models/"),
        f"{PROCESSES}two_trainers_of_one_model_commit_one_and_both_use_it",
    ),
    Guard("a bundle is compared with its checksums", verify_no_bundle, SWAPPED),
    Guard("nothing is unpickled before that", unpickle_first, SWAPPED),
    Guard("rows that do not fit are rejected", reject_no_row, f"{SCORE}[nan]"),
    Guard("rejected rows stop a run", allow_every_reject, f"{SCORE}[inf]"),
    Guard("values that do not fit are not written", refuse_no_value, f"{VALUE}[infinity]"),
    Guard(
        "frames are cast to their schema",
        cast_nothing,
        f"{VALUES}pages_with_nulls_and_out_of_range_dates_have_the_dtypes_of_all_others",
    ),
    Guard(
        "predictions are about what was asked",
        answer_for_anybody,
        f"{FILES}a_model_that_answers_for_others_publishes_nothing",
    ),
    Guard("examples have to be there", trust_markers_of_examples, RESUMED),
    Guard(
        "examples have to be as they were counted",
        trust_jobs_of_examples,
        f"{FILES}examples_that_lost_rows_before_a_run_is_resumed_are_made_again",
    ),
    Guard(
        "what a committed object holds is looked at",
        take_any_record,
        f"{FILES}a_committed_object_that_was_damaged_is_named_with_exit_code_3_and_nothing_is_published"
        '[manifest-{"schema_version": 2}]',
    ),
    Guard(
        "an append looks for rows and not for its job",
        trust_jobs_that_append,
        f"{FILES}rows_of_the_ledger_that_are_gone_are_appended_again_by_the_next_attempt",
    ),
    Guard("a run whose snapshot lacks the data is void", void_no_run, EMPTY),
    Guard("data checks stop a run", check_no_data, f"{FILES}a_data_check_that_fails_stops_the_load_and_names_the_row"),
    Guard("files are compared with the manifest", load_changed_files, REPLACED),
    Guard(
        "only files of the manifest are loaded",
        load_the_whole_folder,
        f"{FILES}an_extra_object_under_the_prefix_is_never_loaded",
    ),
    Guard("loaded rows are counted", count_no_rows, PROMISED),
    Guard("doubled keys are counted", count_no_doubles, f"{FILES}two_rows_of_one_key_stop_the_load"),
    Guard(
        "a superseded run sends no statement",
        look_for_no_newer_run,
        f"{PROCESSES}an_older_generation_is_refused_before_it_sends_a_statement",
    ),
    Guard(
        "a statement that publishes gives way to a newer generation",
        publish_over_anything,
        f"{ZOMBIE}_of_an_older_generation_that_publishes_late_changes_nothing",
    ),
    Guard("published is what readers see", trust_events, f"{OVERWRITTEN}_published_again_when_the_run_is_repeated"),
    Guard(
        "published is what the ledger says, too",
        trust_tables,
        f"{PROCESSES}a_loader_killed_after_it_published_records_it_once_when_repeated",
    ),
    Guard(
        "what another run has overwritten is not evaluated",
        evaluate_anything,
        f"{OVERWRITTEN}_not_evaluated_for_this_one",
    ),
    Guard("a first champion is named once", name_champion_each_time, CHAMPION),
    Guard(
        "an event is recorded once",
        record_events_again,
        f"{VALUES}an_event_is_appended_once_however_often_it_is_recorded",
    ),
    Guard("another definition is another run", join_any_definition, SHARDS),
    Guard("names are checked", check_no_name, f"{VALUES}sql_in_a_name_is_refused_wherever_names_become_identifiers"),
)
