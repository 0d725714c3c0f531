//! The records, the seed and the offset that the tests share, and how arbitrary records are made.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use raft_log_codec::{
    FrameSeed, PlainTypes, PlainVote, REST_BYTES_MAX, RaftLogState, RawLogId, RawTypes, RawVote, Record,
    Types, VOTE_BYTES_MAX, group_frame, push_frame,
};

/// Where the sample frames stand.
pub(crate) const OFFSET: u64 = 4_096;

pub(crate) const LOG_ID: u128 = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
pub(crate) const CHUNK_ID: u64 = 1 << 40;
pub(crate) const SALT: u64 = 0x5eed;

pub(crate) fn seed() -> FrameSeed {
    FrameSeed::new(LOG_ID, CHUNK_ID, SALT)
}

/// The frame of a record, alone in its buffer.
pub(crate) fn framed<T: Types>(record: &Record<T>) -> Bytes {
    let mut out = Vec::new();
    push_frame(&mut out, seed(), OFFSET, record).unwrap();
    out.into()
}

pub(crate) fn id(term: u64, index: u64, rest: &'static [u8]) -> RawLogId {
    RawLogId { term, index, rest: Bytes::from_static(rest) }
}

/// One record of each shape, by name.
pub(crate) fn records() -> Vec<(&'static str, Record<RawTypes>)> {
    let vote = RawVote(Bytes::from_static(b"\x07\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"));
    let full = RaftLogState {
        vote: Some(vote.clone()),
        last: Some(id(7, 1_000, b"node-b")),
        committed: Some(id(7, 998, b"node-b")),
        purged: Some(id(6, 500, b"")),
        user_data: Some(Bytes::from_static(b"members: a, b, c")),
    };
    vec![
        ("save_vote", Record::SaveVote(vote)),
        ("append", Record::Append(id(7, 1_000, b""), Bytes::from_static(b"set colour green"))),
        (
            "append_with_rest",
            Record::Append(id(7, 1_000, b"node-b"), Bytes::from_static(b"set colour green")),
        ),
        ("append_without_payload", Record::Append(id(7, 1_000, b""), Bytes::new())),
        ("commit", Record::Commit(id(7, 998, b"node-b"))),
        ("truncate_after", Record::TruncateAfter(Some(id(7, 999, b"node-b")))),
        ("truncate_after_none", Record::TruncateAfter(None)),
        ("purge_upto", Record::PurgeUpto(id(u64::MAX, u64::MAX, b""))),
        ("state_empty", Record::State(Box::default())),
        ("state_full", Record::State(Box::new(full))),
        ("save_user_data", Record::SaveUserData(Some(Bytes::from_static(b"members: a, b, c")))),
        ("save_user_data_empty", Record::SaveUserData(Some(Bytes::new()))),
        ("save_user_data_none", Record::SaveUserData(None)),
    ]
}

/// The frames of all records and of a group, by name.
pub(crate) fn frames() -> Vec<(&'static str, Bytes)> {
    let group = group_frame(seed(), OFFSET, 640);
    records()
        .iter()
        .map(|(name, record)| (*name, framed(record)))
        .chain([("group", Bytes::copy_from_slice(&group))])
        .collect()
}

/// Bytes of up to `max`, mostly few of them.
pub(crate) fn any_bytes_up_to(max: usize) -> impl Strategy<Value = Bytes> + Clone {
    let few = vec(any::<u8>(), 0..=max.min(48));
    let any_size = vec(any::<u8>(), 0..=max);
    prop_oneof![8 => few, 1 => any_size].prop_map(Bytes::from)
}

fn any_raw_id() -> impl Strategy<Value = RawLogId> + Clone {
    (any::<u64>(), any::<u64>(), any_bytes_up_to(REST_BYTES_MAX)).prop_map(|(term, index, rest)| RawLogId {
        term,
        index,
        rest,
    })
}

/// Any record, with ids, votes and user data up to their limits.
pub(crate) fn any_raw_record() -> impl Strategy<Value = Record<RawTypes>> {
    any_record::<RawTypes>(
        any_raw_id(),
        any_bytes_up_to(VOTE_BYTES_MAX).prop_map(RawVote),
        any_bytes_up_to(2_048),
    )
}

/// Any record with the ready-made types.
pub(crate) fn any_plain_record() -> impl Strategy<Value = Record<PlainTypes>> {
    let id = (any::<u64>(), any::<u64>()).prop_map(|(term, index)| raft_log_codec::TermIndex { term, index });
    let vote =
        (any::<u64>(), any::<Option<u64>>()).prop_map(|(term, voted_for)| PlainVote { term, voted_for });
    any_record::<PlainTypes>(id, vote, any_bytes_up_to(2_048))
}

fn any_record<T: Types<Payload = Bytes, UserData = Bytes>>(
    id: impl Strategy<Value = T::LogId> + Clone + 'static,
    vote: impl Strategy<Value = T::Vote> + Clone + 'static,
    data: impl Strategy<Value = Bytes> + Clone + 'static,
) -> impl Strategy<Value = Record<T>>
where
    Record<T>: std::fmt::Debug,
{
    let some_id = || proptest::option::of(id.clone());
    let state = (
        proptest::option::of(vote.clone()),
        some_id(),
        some_id(),
        some_id(),
        proptest::option::of(data.clone()),
    )
        .prop_map(|(vote, last, committed, purged, user_data)| RaftLogState {
            vote,
            last,
            committed,
            purged,
            user_data,
        });
    prop_oneof![
        vote.prop_map(Record::SaveVote),
        (id.clone(), data.clone()).prop_map(|(id, payload)| Record::Append(id, payload)),
        id.clone().prop_map(Record::Commit),
        some_id().prop_map(Record::TruncateAfter),
        id.prop_map(Record::PurgeUpto),
        state.prop_map(|state| Record::State(Box::new(state))),
        proptest::option::of(data).prop_map(Record::SaveUserData),
    ]
}
