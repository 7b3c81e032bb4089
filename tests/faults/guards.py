"""The guards of the protocol, each with the patch that switches it off and the test that then fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults import patches


@dataclass(frozen=True)
class Guard:
    """One guard.

    Parameters
    ----------
    name
        What the guard does.
    patch
        Switches the guard off.
    test
        `<module>::<test>` below `tests/faults`, which fails without the guard.
    """

    name: str
    patch: Callable[[pytest.MonkeyPatch], None]
    test: str

    @property
    def node(self) -> str:
        """Node id of the test."""
        return f"tests/faults/{self.test}"


REPLIES, FILES, PROCESSES, VALUES = (f"test_{name}.py::test_" for name in ("replies", "files", "processes", "values"))
PASSES = f"{REPLIES}transient_status_on_any_call_is_retried_once_done"
STAYS = f"{REPLIES}lasting_status_on_any_call_exits_with_code_4"
TORN = f"{REPLIES}lost_reply_of_any_call_is_requested_again"
SILENT = f"{REPLIES}silent_server_on_any_call_times_out"
DONE = f"{REPLIES}job_with_a_transient_error_gets_the_next_attempt"
ATTACHED = f"{REPLIES}lost_reply_attaches_to_the_submitted_job"
REPLACED = f"{FILES}replaced_shard_stops_the_load_before_its_job"
OVERWRITTEN = f"{FILES}overwritten_slice_is"
ZOMBIE = f"{PROCESSES}zombie"
REFUSED = f"{REPLIES}missing_permission_on_any_call_names_its_role"
RESUMED = f"{FILES}expired_examples_are_made_again_on_resume"
RELOADED = f"{FILES}expired_run_table_is_loaded_again_on_resume"
PROMISED = f"{FILES}manifest_with_another_row_count_publishes_nothing"
CHAMPION = f"{FILES}champion_stays_when_another_variant_is_published"
SCORE = f"{VALUES}unfit_score_exits_with_code_3"
VALUE = f"{VALUES}unfit_value_is_refused_and_leaves_no_file"
EMPTY = f"{VALUES}empty_input_voids_the_run"
SHARDS = f"{VALUES}changed_shard_count_is_another_definition"
SWAPPED = f"{FILES}swapped_model_file_is_refused_and_never_runs"

GUARDS = (
    Guard("409 attaches to the job", patches.attach_to_no_job, ATTACHED),
    Guard(
        "404 after 409 is retried",
        patches.give_up_unknown_jobs,
        f"{REPLIES}409_then_404_is_waited_for_and_the_job_is_attached_to",
    ),
    Guard("a finished job without its effect gets the next attempt", patches.verify_effects(lambda: True), RELOADED),
    Guard("a finished job with its effect is used", patches.verify_effects(lambda: False), ATTACHED),
    Guard(
        "a job with a transient error gets the next attempt",
        patches.attempt_once,
        f"{DONE}[DONE with backendError]",
    ),
    Guard("calls are retried", patches.repeat_no_call, f"{PASSES}[a load]"),
    Guard("transient statuses are retried", patches.know_no_status, f"{PASSES}[downloading]"),
    Guard("incomplete replies are retried", patches.repeat_only_statuses, f"{TORN}[listing objects]"),
    Guard("only transient errors are retried", patches.repeat_everything, f"{REFUSED}[looking at a table]"),
    Guard("retries have a deadline", patches.repeat_far_too_long, f"{STAYS}[downloading]"),
    Guard("concurrent updates are recognised by their message", patches.know_no_words, f"{DONE}[concurrent update]"),
    Guard("calls over HTTP have a time limit", patches.wait_for_http_without_end, f"{SILENT}[downloading]"),
    Guard(
        "streams of rows have a time limit", patches.wait_for_streams_without_end, f"{SILENT}[opening a stream of rows]"
    ),
    Guard("a missing permission is named with its role", patches.name_no_role, f"{REFUSED}[looking at a table]"),
    Guard(
        "markers are created once",
        patches.create_again,
        f"{REPLIES}marker_is_created_once_and_later_calls_read_it",
    ),
    Guard(
        "412 for one's own upload means that it is done",
        patches.put_file(patches.refuse_412),
        f"{REPLIES}412_for_ones_own_upload_means_that_it_is_done",
    ),
    Guard(
        "412 for another's upload is refused",
        patches.put_file(patches.accept_412),
        f"{REPLIES}412_for_another_upload_keeps_the_other_object",
    ),
    Guard(
        "downloads are compared with their checksum",
        patches.check_no_download,
        f"{REPLIES}a_download_with_a_flipped_bit_is_read_again",
    ),
    Guard(
        "uploads are compared with what was sent",
        patches.compare_no_upload,
        f"{REPLIES}an_upload_with_a_flipped_bit_does_not_stay[file]",
    ),
    Guard(
        "the loser of a claim uses the winner's",
        patches.keep_own_marker("/generations/"),
        f"{PROCESSES}of_two_claims_one_wins_and_both_read_it",
    ),
    Guard(
        "the loser of a shard uses the winner's",
        patches.keep_own_marker("/shard-"),
        f"{ZOMBIE}_of_a_shard_gets_the_committed_file",
    ),
    Guard(
        "the loser of a model uses the winner's",
        patches.keep_own_marker("/models/"),
        f"{PROCESSES}two_trainers_of_one_model_commit_one_and_both_use_it",
    ),
    Guard("a bundle is compared with its checksums", patches.verify_no_bundle, SWAPPED),
    Guard("nothing is unpickled before a bundle is verified", patches.unpickle_first, SWAPPED),
    Guard(
        "a bundle is compared with the ledger",
        patches.ask_no_ledger,
        f"{FILES}bundle_swapped_with_its_marker_is_refused_by_the_ledger",
    ),
    Guard("rows that do not fit are rejected", patches.reject_no_row, f"{SCORE}[nan]"),
    Guard("rejected rows stop a run", patches.allow_every_reject, f"{SCORE}[inf]"),
    Guard("values that do not fit are not written", patches.refuse_no_value, f"{VALUE}[infinity]"),
    Guard(
        "frames are cast to their schema",
        patches.cast_nothing,
        f"{VALUES}pages_with_nulls_and_odd_dates_have_equal_dtypes",
    ),
    Guard(
        "predictions are for the requested entities only",
        patches.accept_any_entity,
        f"{FILES}a_model_that_answers_for_others_publishes_nothing",
    ),
    Guard("examples must exist", patches.trust_markers_of_examples, RESUMED),
    Guard(
        "examples must have the counted rows",
        patches.trust_jobs_of_examples,
        f"{FILES}examples_with_lost_rows_are_made_again",
    ),
    Guard(
        "the content of a committed object is checked",
        patches.take_any_record,
        f'{FILES}damaged_committed_object_exits_with_code_3[manifest-{{"schema_version": 2}}]',
    ),
    Guard(
        "an append looks for its rows, not for its job",
        patches.trust_jobs_that_append,
        f"{FILES}missing_ledger_rows_are_appended_again",
    ),
    Guard("a run whose snapshot lacks the data is void", patches.void_no_run, EMPTY),
    Guard(
        "data checks stop a run",
        patches.check_no_data,
        f"{FILES}failed_data_check_stops_the_load_and_names_the_row",
    ),
    Guard("files are compared with the manifest", patches.load_changed_files, REPLACED),
    Guard(
        "only files of the manifest are loaded",
        patches.load_the_whole_folder,
        f"{FILES}an_extra_object_under_the_prefix_is_never_loaded",
    ),
    Guard(
        "files of another schema are not loaded",
        patches.load_any_schema,
        f"{FILES}manifest_of_another_schema_sends_no_job",
    ),
    Guard("loaded rows are counted", patches.count_no_rows, PROMISED),
    Guard("duplicate keys are counted", patches.count_no_duplicates, f"{FILES}two_rows_of_one_key_stop_the_load"),
    Guard(
        "a superseded run sends no statement",
        patches.look_for_no_newer_run,
        f"{PROCESSES}older_generation_sends_no_statement",
    ),
    Guard(
        "publication changes nothing after a newer generation",
        patches.publish_over_anything,
        f"{ZOMBIE}_of_an_older_generation_publishes_nothing",
    ),
    Guard("published rows are checked in the table", patches.trust_events, f"{OVERWRITTEN}_published_again"),
    Guard(
        "published rows are checked in the ledger, too",
        patches.trust_tables,
        f"{PROCESSES}loader_killed_after_publication_records_it_once",
    ),
    Guard(
        "rows of another run are not evaluated",
        patches.evaluate_anything,
        f"{OVERWRITTEN}_not_evaluated",
    ),
    Guard("a first champion is named once", patches.name_champion_each_time, CHAMPION),
    Guard(
        "an event is recorded once",
        patches.record_events_again,
        f"{VALUES}an_event_is_appended_once_however_often_it_is_recorded",
    ),
    Guard("another definition is another run", patches.join_any_definition, SHARDS),
    Guard(
        "names are checked",
        patches.check_no_name,
        f"{VALUES}sql_in_a_name_is_refused",
    ),
)
