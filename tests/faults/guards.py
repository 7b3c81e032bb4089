"""The guards of the protocol, each with the patch that switches it off and the test that notices."""

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
        What it does.
    patch
        Switches it off.
    test
        `<module>::<test>` below `tests/faults`, which fails without it.
    """

    name: str
    patch: Callable[[pytest.MonkeyPatch], None]
    test: str

    @property
    def node(self) -> str:
        """The test as pytest names it."""
        return f"tests/faults/{self.test}"


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
    Guard("409 attaches to the job", patches.attach_to_no_job, ATTACHED),
    Guard(
        "404 after 409 is waited for",
        patches.give_up_unknown_jobs,
        f"{REPLIES}409_then_404_is_waited_for_and_the_job_is_attached_to",
    ),
    Guard("a finished job is used only if its effect stands", patches.verify_effects(lambda: True), RELOADED),
    Guard("a finished job whose effect stands is used", patches.verify_effects(lambda: False), ATTACHED),
    Guard(
        "a job that failed in a way that passes gets the next attempt",
        patches.attempt_once,
        f"{DONE}[DONE with backendError]",
    ),
    Guard("calls are repeated", patches.repeat_no_call, f"{PASSES}[a load]"),
    Guard("statuses pass", patches.know_no_status, f"{PASSES}[downloading]"),
    Guard("answers that are not whole pass", patches.repeat_only_statuses, f"{TORN}[listing objects]"),
    Guard("only what passes is repeated", patches.repeat_everything, f"{REFUSED}[looking at a table]"),
    Guard("calls are repeated for a bounded time", patches.repeat_far_too_long, f"{STAYS}[downloading]"),
    Guard("concurrent updates are known by their words", patches.know_no_words, f"{DONE}[concurrent update]"),
    Guard("calls over HTTP have a time limit", patches.wait_for_http_without_end, f"{SILENT}[downloading]"),
    Guard(
        "streams of rows have a time limit", patches.wait_for_streams_without_end, f"{SILENT}[opening a stream of rows]"
    ),
    Guard("a missing permission is named with its role", patches.name_no_role, f"{REFUSED}[looking at a table]"),
    Guard(
        "markers are created once",
        patches.create_again,
        f"{REPLIES}a_marker_is_created_once_and_who_comes_late_gets_the_first_value",
    ),
    Guard(
        "412 for one's own upload is done",
        patches.put_file(patches.refuse_412),
        f"{REPLIES}412_for_ones_own_upload_means_that_it_is_done",
    ),
    Guard(
        "412 for another's upload is refused",
        patches.put_file(patches.accept_412),
        f"{REPLIES}412_for_anothers_upload_is_refused_and_the_other_object_stays",
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
        f"{PROCESSES}of_two_claims_at_once_one_wins_and_both_read_what_it_fixed",
    ),
    Guard(
        "the loser of a shard uses the winner's",
        patches.keep_own_marker("/shard-"),
        f"{ZOMBIE}_of_the_same_shard_gets_the_file_that_was_committed_first",
    ),
    Guard(
        "the loser of a model uses the winner's",
        patches.keep_own_marker("/models/"),
        f"{PROCESSES}two_trainers_of_one_model_commit_one_and_both_use_it",
    ),
    Guard("a bundle is compared with its checksums", patches.verify_no_bundle, SWAPPED),
    Guard("nothing is unpickled before that", patches.unpickle_first, SWAPPED),
    Guard(
        "a bundle is compared with the ledger",
        patches.ask_no_ledger,
        f"{FILES}a_bundle_that_was_swapped_with_its_marker_is_refused_by_the_ledger",
    ),
    Guard("rows that do not fit are rejected", patches.reject_no_row, f"{SCORE}[nan]"),
    Guard("rejected rows stop a run", patches.allow_every_reject, f"{SCORE}[inf]"),
    Guard("values that do not fit are not written", patches.refuse_no_value, f"{VALUE}[infinity]"),
    Guard(
        "frames are cast to their schema",
        patches.cast_nothing,
        f"{VALUES}pages_with_nulls_and_out_of_range_dates_have_the_dtypes_of_all_others",
    ),
    Guard(
        "predictions are about what was asked",
        patches.answer_for_anybody,
        f"{FILES}a_model_that_answers_for_others_publishes_nothing",
    ),
    Guard("examples have to be there", patches.trust_markers_of_examples, RESUMED),
    Guard(
        "examples have to be as they were counted",
        patches.trust_jobs_of_examples,
        f"{FILES}examples_that_lost_rows_before_a_run_is_resumed_are_made_again",
    ),
    Guard(
        "what a committed object holds is looked at",
        patches.take_any_record,
        f"{FILES}a_committed_object_that_was_damaged_is_named_with_exit_code_3_and_nothing_is_published"
        '[manifest-{"schema_version": 2}]',
    ),
    Guard(
        "an append looks for rows and not for its job",
        patches.trust_jobs_that_append,
        f"{FILES}rows_of_the_ledger_that_are_gone_are_appended_again_by_the_next_attempt",
    ),
    Guard("a run whose snapshot lacks the data is void", patches.void_no_run, EMPTY),
    Guard(
        "data checks stop a run",
        patches.check_no_data,
        f"{FILES}a_data_check_that_fails_stops_the_load_and_names_the_row",
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
        f"{FILES}a_manifest_of_another_prediction_schema_sends_no_job_and_publishes_nothing",
    ),
    Guard("loaded rows are counted", patches.count_no_rows, PROMISED),
    Guard("doubled keys are counted", patches.count_no_doubles, f"{FILES}two_rows_of_one_key_stop_the_load"),
    Guard(
        "a superseded run sends no statement",
        patches.look_for_no_newer_run,
        f"{PROCESSES}an_older_generation_is_refused_before_it_sends_a_statement",
    ),
    Guard(
        "a statement that publishes gives way to a newer generation",
        patches.publish_over_anything,
        f"{ZOMBIE}_of_an_older_generation_that_publishes_late_changes_nothing",
    ),
    Guard(
        "published is what readers see", patches.trust_events, f"{OVERWRITTEN}_published_again_when_the_run_is_repeated"
    ),
    Guard(
        "published is what the ledger says, too",
        patches.trust_tables,
        f"{PROCESSES}a_loader_killed_after_it_published_records_it_once_when_repeated",
    ),
    Guard(
        "what another run has overwritten is not evaluated",
        patches.evaluate_anything,
        f"{OVERWRITTEN}_not_evaluated_for_this_one",
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
        f"{VALUES}sql_in_a_name_is_refused_wherever_names_become_identifiers",
    ),
)
