//! The table of rules, row by row. Each row runs on the real rules and on the naive model.

use bytes::Bytes;
use raft_log_codec::{PlainVote, RaftLogState, Replay};
use raft_log_state::{Change, Effect, RaftLogSM, StateError, StateMachine};
use raft_log_testkit::NaiveModel;

use crate::leader_types::{LeaderId, LeaderTypes, id, led};

type C<'a> = Change<'a, LeaderTypes>;
type E = StateError<LeaderTypes>;
type Answer = Result<Effect, E>;

const WRITES: Answer = Ok(Effect::Writes);
const NOTHING: Answer = Ok(Effect::Nothing);

/// Both implementations, which must agree on all that is asked of them.
struct Both(RaftLogSM<LeaderTypes>, NaiveModel<LeaderTypes>);

impl Both {
    fn new() -> Self {
        Self(RaftLogSM::new(), NaiveModel::new())
    }

    fn check(&self, change: C<'_>) -> Answer {
        let answer = self.0.check(change);
        assert_eq!(answer, self.1.check(change), "the naive model on {change:?}");
        answer
    }

    #[track_caller]
    fn apply(mut self, change: C<'_>) -> Self {
        assert_eq!(self.check(change), WRITES, "{change:?}");
        self.0.apply(change);
        self.1.apply(change);
        assert_eq!(self.0.state(), self.1.state());
        self
    }

    /// Entries of the given terms from `first` on.
    fn append(self, first: u64, terms: &[u64]) -> Self {
        (first..).zip(terms).fold(self, |log, (index, term)| log.apply(C::Append(&id(*term, index))))
    }

    /// The marks: last, committed, purged.
    fn marks(&self) -> [Option<LeaderId>; 3] {
        let RaftLogState { last, committed, purged, .. } = self.0.state();
        [*last, *committed, *purged]
    }

    /// The indexes at which there is an id.
    fn known(&self) -> Vec<u64> {
        let known: Vec<_> = (0..40).filter(|index| self.0.log_id(*index).is_some()).collect();
        for index in 0..40 {
            assert_eq!(self.0.log_id(index), self.1.log_id(index));
        }
        known
    }
}

/// Purged up to 1:3, committed up to 2:6, last 4:10; terms 1 1 2 2 2 3 4 4 from index 3 on.
fn sample() -> Both {
    Both::new()
        .append(1, &[1, 1, 1, 1, 2, 2, 3, 3, 4, 4])
        .apply(C::PurgeUpto(&id(1, 3)))
        .apply(C::Commit(&id(2, 6)))
}

#[test]
fn the_sample_is_what_its_comment_says() {
    assert_eq!(sample().marks(), [Some(id(4, 10)), Some(id(2, 6)), Some(id(1, 3))]);
    assert_eq!(sample().known(), [3, 4, 5, 6, 7, 8, 9, 10]);
    let terms = (3..11).map(|index| sample().0.log_id(index).unwrap().term);
    assert!(terms.eq([1, 1, 2, 2, 3, 3, 4, 4]));
}

// save_vote

#[test]
fn a_vote_is_saved_where_there_is_none_or_it_is_greater() {
    let log = Both::new();
    assert_eq!(log.check(C::SaveVote(&PlainVote::new(0, 0))), WRITES);
    let log = log.apply(C::SaveVote(&PlainVote { term: 3, voted_for: None }));
    assert_eq!(log.check(C::SaveVote(&PlainVote::new(3, 7))), WRITES);
    assert_eq!(log.check(C::SaveVote(&PlainVote::new(4, 8))), WRITES);
    let log = log.apply(C::SaveVote(&PlainVote::new(3, 7)));
    assert_eq!(log.0.state().vote, Some(PlainVote::new(3, 7)));
}

#[test]
fn an_equal_vote_writes_nothing() {
    let vote = PlainVote::new(3, 7);
    let log = Both::new().apply(C::SaveVote(&vote));
    assert_eq!(log.check(C::SaveVote(&vote)), NOTHING);
}

#[test]
fn a_vote_that_is_smaller_or_not_comparable_is_refused() {
    let current = PlainVote::new(3, 7);
    let log = Both::new().apply(C::SaveVote(&current));
    let nobody = PlainVote { term: 3, voted_for: None };
    for given in [PlainVote::new(2, 7), PlainVote::new(3, 8), nobody] {
        assert_eq!(log.check(C::SaveVote(&given)), Err(E::VoteReversal { current, given }));
    }
}

// append

#[test]
fn an_empty_log_that_never_purged_begins_at_any_index() {
    for index in [0, 1, 7, u64::MAX - 1] {
        let log = Both::new().apply(C::Append(&id(0, index)));
        assert_eq!(log.marks(), [Some(id(0, index)), None, None]);
        assert_eq!(log.0.log_id(index), Some(id(0, index)));
    }
}

#[test]
fn an_entry_follows_the_last_by_one_index_and_a_greater_id() {
    for given in [id(4, 11), id(9, 11), led(4, 3, 11)] {
        assert_eq!(sample().check(C::Append(&given)), WRITES);
    }
}

#[test]
fn an_entry_that_is_not_greater_is_a_reversal() {
    // A lower term, the last itself, its index in a later term, an index far below in a later term.
    for given in [id(3, 11), id(4, 10), id(5, 10), id(9, 0), id(1, 30)] {
        let last = id(4, 10);
        assert_eq!(sample().check(C::Append(&given)), Err(E::LogIdReversal { last, given }));
    }
}

#[test]
fn a_lower_leader_of_the_same_term_is_a_reversal() {
    let last = led(4, 3, 11);
    let log = sample().apply(C::Append(&last));
    let given = led(4, 2, 12);
    assert_eq!(log.check(C::Append(&given)), Err(E::LogIdReversal { last, given }));
    assert_eq!(log.check(C::Append(&led(4, 3, 12))), WRITES);
}

#[test]
fn an_entry_behind_a_gap_is_refused() {
    for given in [id(4, 12), id(5, 13), id(5, u64::MAX - 1)] {
        let last = id(4, 10);
        assert_eq!(sample().check(C::Append(&given)), Err(E::LogIdNonConsecutive { last, given }));
    }
}

#[test]
fn the_largest_index_cannot_be_appended() {
    let refused = Err(E::IndexOutOfRange { index: u64::MAX });
    assert_eq!(Both::new().check(C::Append(&id(1, u64::MAX))), refused);
    assert_eq!(sample().check(C::Append(&id(9, u64::MAX))), refused);
    let full = Both::new().apply(C::Append(&id(1, u64::MAX - 1)));
    assert_eq!(full.check(C::Append(&id(1, u64::MAX))), refused);
}

#[test]
fn after_a_purge_of_everything_the_next_index_is_the_purged_one_plus_one() {
    let log = sample().apply(C::PurgeUpto(&id(4, 10)));
    let last = id(4, 10);
    assert_eq!(log.check(C::Append(&id(4, 11))), WRITES);
    assert_eq!(log.check(C::Append(&id(4, 12))), Err(E::LogIdNonConsecutive { last, given: id(4, 12) }));
    assert_eq!(log.check(C::Append(&id(4, 5))), Err(E::LogIdReversal { last, given: id(4, 5) }));
}

// truncate

#[test]
fn a_truncation_keeps_the_entry_it_names_and_drops_those_behind() {
    for (after, kept) in [(id(3, 8), 3..9), (id(3, 7), 3..8), (id(2, 6), 3..7)] {
        let log = sample().apply(C::TruncateAfter(Some(&after)));
        assert_eq!(log.marks(), [Some(after), Some(id(2, 6)), Some(id(1, 3))]);
        assert!(log.known().into_iter().eq(kept));
    }
}

#[test]
fn a_truncation_at_or_past_the_last_does_nothing() {
    for after in [id(4, 10), id(4, 11), id(1, 11), id(9, u64::MAX)] {
        assert_eq!(sample().check(C::TruncateAfter(Some(&after))), NOTHING);
    }
    assert_eq!(Both::new().check(C::TruncateAfter(Some(&id(1, 0)))), NOTHING);
}

#[test]
fn a_truncation_after_an_id_that_is_not_the_logs_own_is_refused() {
    for (own, given) in
        [(id(4, 10), id(3, 10)), (id(4, 10), led(4, 1, 10)), (id(3, 8), id(4, 8)), (id(2, 6), id(1, 6))]
    {
        assert_eq!(
            sample().check(C::TruncateAfter(Some(&given))),
            Err(E::LogIdMismatch { own: Some(own), given })
        );
    }
}

#[test]
fn a_truncation_below_the_committed_mark_is_refused() {
    let committed = id(2, 6);
    // At the purged mark it would be the log's own id; a contradiction is not even looked for.
    for given in [id(2, 5), id(1, 3), id(9, 5)] {
        assert_eq!(
            sample().check(C::TruncateAfter(Some(&given))),
            Err(E::TruncateBelowCommitted { committed, given: Some(given) })
        );
    }
}

#[test]
fn a_truncation_below_the_purged_mark_is_refused() {
    for given in [id(1, 2), id(1, 0)] {
        assert_eq!(
            sample().check(C::TruncateAfter(Some(&given))),
            Err(E::TruncateBelowPurged { purged: id(1, 3), given })
        );
    }
}

#[test]
fn a_truncation_at_the_purged_mark_names_the_purged_id() {
    let log = Both::new().append(1, &[1, 1, 1, 2]).apply(C::PurgeUpto(&id(1, 2)));
    assert_eq!(
        log.check(C::TruncateAfter(Some(&id(2, 2)))),
        Err(E::LogIdMismatch { own: Some(id(1, 2)), given: id(2, 2) })
    );
    let log = log.apply(C::TruncateAfter(Some(&id(1, 2))));
    assert_eq!(log.marks(), [Some(id(1, 2)); 3]);
    assert_eq!(log.known(), [2]);
    assert_eq!(log.check(C::TruncateAfter(Some(&id(1, 2)))), NOTHING);
}

#[test]
fn truncating_all_keeps_only_what_is_purged() {
    let log =
        Both::new().append(1, &[1, 1, 1, 2]).apply(C::PurgeUpto(&id(1, 2))).apply(C::TruncateAfter(None));
    assert_eq!(log.marks(), [Some(id(1, 2)); 3]);
    assert_eq!(log.check(C::TruncateAfter(None)), NOTHING);
    assert_eq!(log.append(3, &[1]).known(), [2, 3]);
}

#[test]
fn truncating_all_of_a_log_that_never_purged_leaves_it_as_new() {
    let log = Both::new().append(7, &[1, 2]).apply(C::TruncateAfter(None));
    assert_eq!(log.marks(), [None; 3]);
    assert_eq!(log.known(), []);
    assert_eq!(log.append(3, &[1]).known(), [3]);
    assert_eq!(Both::new().check(C::TruncateAfter(None)), NOTHING);
}

#[test]
fn truncating_all_is_refused_where_something_is_committed() {
    let refused = |committed| Err(E::TruncateBelowCommitted { committed, given: None });
    assert_eq!(sample().check(C::TruncateAfter(None)), refused(id(2, 6)));
    let log = Both::new().append(0, &[1]).apply(C::Commit(&id(1, 0)));
    assert_eq!(log.check(C::TruncateAfter(None)), refused(id(1, 0)));
}

// purge

#[test]
fn a_purge_within_the_log_keeps_the_entry_after_it() {
    let log = sample().apply(C::PurgeUpto(&id(2, 5)));
    assert_eq!(log.marks(), [Some(id(4, 10)), Some(id(2, 6)), Some(id(2, 5))]);
    assert_eq!(log.known(), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_purge_beyond_the_committed_mark_raises_it() {
    let log = sample().apply(C::PurgeUpto(&id(3, 8)));
    assert_eq!(log.marks(), [Some(id(4, 10)), Some(id(3, 8)), Some(id(3, 8))]);
    let log = Both::new().append(1, &[1, 1]).apply(C::PurgeUpto(&id(1, 1)));
    assert_eq!(log.marks(), [Some(id(1, 2)), Some(id(1, 1)), Some(id(1, 1))]);
}

#[test]
fn a_purge_of_the_last_entry_leaves_an_empty_log() {
    let log = sample().apply(C::PurgeUpto(&id(4, 10)));
    assert_eq!(log.marks(), [Some(id(4, 10)); 3]);
    assert_eq!(log.known(), [10]);
}

#[test]
fn a_purge_beyond_the_last_leaves_an_empty_log_at_that_id() {
    // Even in a lower term than the last entry's: a snapshot replaces what was never committed.
    for upto in [id(4, 11), id(9, 30), id(3, 11), id(2, 30), id(9, u64::MAX - 1)] {
        let log = sample().apply(C::PurgeUpto(&upto));
        assert_eq!(log.marks(), [Some(upto); 3]);
        assert_eq!(log.0.log_id(upto.index), Some(upto));
        assert_eq!(log.0.log_id(10), None);
    }
    let log = Both::new().apply(C::PurgeUpto(&id(2, 20)));
    assert_eq!(log.marks(), [Some(id(2, 20)); 3]);
    assert_eq!(log.append(21, &[2, 3]).known(), [20, 21, 22]);
}

#[test]
fn a_purge_beyond_the_last_but_below_the_committed_id_is_refused() {
    let committed = id(2, 6);
    for given in [id(1, 11), id(1, 30)] {
        assert_eq!(sample().check(C::PurgeUpto(&given)), Err(E::CommitReversal { committed, given }));
    }
}

#[test]
fn a_purge_at_or_below_the_purged_mark_does_nothing() {
    for upto in [id(1, 3), id(1, 2), id(9, 2), id(0, 0)] {
        assert_eq!(sample().check(C::PurgeUpto(&upto)), NOTHING);
    }
}

#[test]
fn a_purge_of_an_id_that_is_not_the_logs_own_is_refused() {
    for (own, given) in [
        (id(1, 3), id(2, 3)),
        (id(2, 5), id(1, 5)),
        (id(2, 6), id(3, 6)),
        (id(3, 8), led(3, 1, 8)),
        (id(4, 10), id(9, 10)),
    ] {
        assert_eq!(sample().check(C::PurgeUpto(&given)), Err(E::LogIdMismatch { own: Some(own), given }));
    }
}

#[test]
fn the_largest_index_cannot_be_purged() {
    assert_eq!(sample().check(C::PurgeUpto(&id(9, u64::MAX))), Err(E::IndexOutOfRange { index: u64::MAX }));
    let log = sample().apply(C::PurgeUpto(&id(9, u64::MAX - 1)));
    assert_eq!(log.check(C::Append(&id(9, u64::MAX))), Err(E::IndexOutOfRange { index: u64::MAX }));
}

// commit

#[test]
fn a_commit_moves_forward_up_to_the_last() {
    for upto in [id(3, 7), id(4, 10)] {
        let log = sample().apply(C::Commit(&upto));
        assert_eq!(log.marks(), [Some(id(4, 10)), Some(upto), Some(id(1, 3))]);
        assert_eq!(log.known().len(), 8);
    }
}

#[test]
fn an_equal_commit_does_nothing() {
    assert_eq!(sample().check(C::Commit(&id(2, 6))), NOTHING);
    let emptied = sample().apply(C::PurgeUpto(&id(4, 10)));
    assert_eq!(emptied.check(C::Commit(&id(4, 10))), NOTHING);
}

#[test]
fn a_commit_below_the_committed_mark_is_refused() {
    for given in [id(2, 5), id(1, 3), id(0, 0), id(9, 5)] {
        let committed = id(2, 6);
        assert_eq!(sample().check(C::Commit(&given)), Err(E::CommitReversal { committed, given }));
    }
}

#[test]
fn a_commit_beyond_the_last_is_refused() {
    for given in [id(4, 11), id(9, u64::MAX)] {
        let last = Some(id(4, 10));
        assert_eq!(sample().check(C::Commit(&given)), Err(E::CommitBeyondLast { last, given }));
    }
    let given = id(0, 0);
    assert_eq!(Both::new().check(C::Commit(&given)), Err(E::CommitBeyondLast { last: None, given }));
}

#[test]
fn a_commit_of_an_id_that_is_not_the_logs_own_is_refused() {
    for (own, given) in
        [(id(2, 6), id(3, 6)), (id(3, 7), id(2, 7)), (id(3, 7), led(3, 1, 7)), (id(4, 10), id(5, 10))]
    {
        assert_eq!(sample().check(C::Commit(&given)), Err(E::LogIdMismatch { own: Some(own), given }));
    }
}

// below the first entry of a log that never purged

#[test]
fn an_id_below_the_first_entry_is_nobodys() {
    let log = Both::new().append(7, &[1, 1, 2]);
    let given = id(1, 5);
    let refused = Err(E::LogIdMismatch { own: None, given });
    assert_eq!(log.check(C::Commit(&given)), refused);
    assert_eq!(log.check(C::PurgeUpto(&given)), refused);
    assert_eq!(log.check(C::TruncateAfter(Some(&given))), refused);
    assert_eq!(log.known(), [7, 8, 9]);
}

// save_user_data

#[test]
fn user_data_is_always_written() {
    let data = Bytes::from_static(b"x");
    let log = Both::new();
    assert_eq!(log.check(C::SaveUserData(None)), WRITES);
    let log = log.apply(C::SaveUserData(Some(&data)));
    assert_eq!(log.0.state().user_data, Some(data.clone()));
    assert_eq!(log.check(C::SaveUserData(Some(&data))), WRITES);
    assert_eq!(log.apply(C::SaveUserData(None)).0.state().user_data, None);
}

// what the state machine is restored from

#[test]
fn a_restored_state_knows_its_marks_and_nothing_else() {
    let state = sample().0.state().clone();
    let restored = RaftLogSM::<LeaderTypes>::restore(state.clone());
    assert_eq!(restored.state(), &state);
    assert_eq!(restored.runs().known_from(), 11);
    let known: Vec<_> = (0..40).filter_map(|index| restored.log_id(index)).collect();
    assert_eq!(known, [id(1, 3), id(2, 6), id(4, 10)]);
    assert_eq!(restored.unseen(), 4..11);
}

#[test]
fn an_id_that_is_not_known_is_not_contradicted() {
    let restored = RaftLogSM::<LeaderTypes>::restore(sample().0.state().clone());
    assert_eq!(restored.check(C::Commit(&id(1, 8))), WRITES);
    assert_eq!(restored.check(C::PurgeUpto(&id(1, 8))), WRITES);
    assert_eq!(restored.check(C::TruncateAfter(Some(&id(1, 8)))), WRITES);
    let given = id(1, 10);
    let own = Some(id(4, 10));
    let refused = Err(E::LogIdMismatch { own, given });
    assert_eq!(restored.check(C::Commit(&given)), refused, "the last is known");
}

#[test]
#[should_panic(expected = "purged 1:3 is beyond committed none")]
fn a_state_out_of_order_is_not_restored() {
    let mut state = sample().0.state().clone();
    state.committed = None;
    RaftLogSM::restore(state);
}

#[test]
#[should_panic(expected = "had not been checked")]
fn applying_what_was_refused_is_noticed() {
    let mut log = sample().0;
    let beyond = id(9, 30);
    assert!(log.check(C::Commit(&beyond)).is_err());
    log.apply(C::Commit(&beyond));
}
