//! Which tests are to find which seeded bug, the quickest first.

use std::fmt;

use raft_log_codec::SeededBug;

/// A test in the binary `it` of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    pub(super) package: &'static str,
    pub(super) name: &'static str,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.name)
    }
}

const fn codec(name: &'static str) -> Test {
    Test { package: "raft-log-codec", name }
}

const fn chunk(name: &'static str) -> Test {
    Test { package: "raft-log-chunk", name }
}

const fn log(name: &'static str) -> Test {
    Test { package: "raft-log", name }
}

const CRASHES: Test = log("crashes::after_any_crash_a_log_holds_what_it_acknowledged");
const FAILING_CALLS: Test = log("crashes::whatever_call_fails_nothing_is_acknowledged_falsely");

/// The tests that are to find a bug.
pub(super) fn tests_for(bug: SeededBug) -> Vec<Test> {
    match bug {
        SeededBug::AcknowledgeBeforeSync => vec![CRASHES],
        SeededBug::AcknowledgeAfterFailedSync => vec![FAILING_CALLS],
        SeededBug::SyncAgain => vec![FAILING_CALLS],
        SeededBug::NoDirectorySyncAfterCreate => {
            vec![chunk("making_chunks::durable_is_there_for_good_before_the_first_chunk_is")]
        }
        SeededBug::NoDirectorySyncAfterRename => vec![CRASHES],
        SeededBug::NoDirectorySyncBeforeReuse => vec![chunk(
            "reuse::a_purged_chunk_is_written_to_only_after_its_name_is_gone_for_good_and_its_links_were_seen",
        )],
        SeededBug::NoSyncAtOpen => vec![CRASHES],
        SeededBug::StampAtEncoding => {
            vec![log("vouching::a_group_vouches_for_all_that_was_synced_when_it_was_written")]
        }
        SeededBug::DurableEndBeforeSync => vec![CRASHES],
        SeededBug::MarkBeforeSync => vec![CRASHES],
        SeededBug::MarkNeverRead => vec![log("damage::no_bit_flips_in_silence_after_a_kill")],
        SeededBug::FrameBehindProves => vec![CRASHES],
        SeededBug::BadStateRemovesChunk => {
            vec![log("verdicts::corrupt::a_damaged_header_or_state_is_corrupt")]
        }
        SeededBug::AppendAfterReopen => {
            vec![log("vouching::what_another_process_left_behind_the_end_does_not_come_back")]
        }
        SeededBug::JudgeBehindEnd => vec![CRASHES],
        SeededBug::JudgeLeftovers => {
            vec![log("verdicts::end::leftovers_of_a_purge_are_never_judged_and_go_with_the_next_write")]
        }
        SeededBug::RemoveBeforePurgeIsDurable => vec![CRASHES],
        SeededBug::ReuseUnderReader => {
            vec![log("reuse::second_holders::a_reader_that_holds_a_purged_chunk_reads_its_bytes_to_the_end")]
        }
        SeededBug::ReuseLinkedFile => {
            vec![log("reuse::second_holders::a_hard_link_taken_before_the_purge_keeps_its_bytes")]
        }
        SeededBug::FooterIntoLinkedFile => {
            vec![log("open_is_honest::a_found_chunk_with_a_second_name_is_never_written_to")]
        }
        SeededBug::MarkNotSyncedWithChunk => {
            vec![log("vouching::a_chunk_that_was_just_made_is_missed_also_after_a_loss_of_power")]
        }
        SeededBug::ReadErrorIsEnd => {
            vec![log("verdicts::not_understood::a_read_error_is_never_an_end_of_file")]
        }
        SeededBug::ChecksumWithoutLength => {
            vec![codec("damage::every_flipped_bit_is_refused_by_the_checksum_that_covers_it")]
        }
        SeededBug::UnseededChecksum => vec![codec("damage::a_frame_is_refused_anywhere_but_in_its_place")],
        SeededBug::ShortWriteIgnored => vec![
            chunk("storage_conformance::memory_keeps_every_promise_while_reads_and_writes_are_short"),
            FAILING_CALLS,
        ],
        SeededBug::RotateBeforeSync => vec![CRASHES],
        SeededBug::StateFromMemory => vec![log("life::what_was_written_is_there_after_a_kill")],
        SeededBug::LockNotHeld => {
            vec![log("bad_input::directories::a_second_owner_is_refused_and_told_of_the_first")]
        }
        SeededBug::CallbackDroppedOnError => vec![log("flush::callbacks_are_told_when_closing_fails")],
        SeededBug::UnknownKindIsTail => {
            vec![log("verdicts::not_understood::an_unknown_kind_or_flag_is_unsupported_and_no_tail")]
        }
        // A bug without a test shows up as a survivor.
        _ => vec![],
    }
}
