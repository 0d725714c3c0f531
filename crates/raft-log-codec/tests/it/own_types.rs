//! An application's own types: those of the example.

use bytes::Bytes;
use raft_log_codec::{Decode, DecodeError, Encode, Frame, LogId, RawLogId, RawTypes, Record, Vote};

use crate::round_trip::assert_round_trip;
use crate::samples::{OFFSET, framed, seed};

#[path = "../../examples/own_types.rs"]
pub(crate) mod example;

use example::{Command, KvTypes, LeaderVote, ProposedId, records};

#[test]
fn the_example_runs() {
    example::main().unwrap();
}

#[test]
fn records_of_own_types_come_back() {
    let records = records();
    assert!(records.len() > 7);
    for record in &records {
        assert_round_trip(record);
    }
}

#[test]
fn the_rest_of_an_id_is_kept_for_those_who_do_not_know_it() {
    let id = ProposedId { term: 3, node: "node-b".to_owned(), index: 4 };
    let bytes = framed(&Record::<KvTypes>::Commit(id.clone()));
    let frame = Frame::parse(&bytes, seed(), OFFSET).unwrap();
    let raw = frame.id.unwrap();
    assert_eq!((raw.term(), raw.index(), &raw.rest[..]), (3, 4, &b"node-b"[..]));
    assert_eq!(raw.typed::<ProposedId>().unwrap(), id);
    assert_eq!(RawLogId::from_typed(&id).unwrap(), raw);
}

#[test]
fn what_own_types_refuse_is_an_error_of_theirs_and_no_damage() {
    let no_command = Record::<RawTypes>::Append(
        RawLogId { term: 3, index: 4, rest: Bytes::from_static(b"node-b") },
        Bytes::from_static(&[9]),
    );
    let no_name =
        Record::<RawTypes>::Commit(RawLogId { term: 3, index: 4, rest: Bytes::from_static(&[0xff]) });
    for record in [no_command, no_name] {
        let frame = Frame::parse(&framed(&record), seed(), OFFSET).unwrap();
        assert_eq!(frame.fault, None);
        let error = frame.record::<KvTypes>().unwrap_err();
        assert!(matches!(error, DecodeError::Custom(_)), "{error}");
    }
}

#[test]
fn votes_without_an_order_do_not_replace_each_other() {
    let vote = |term, node: &str, granted| LeaderVote { term, node: node.to_owned(), granted };
    assert!(!vote(4, "a", false).may_replace(&vote(4, "b", false)));
    assert!(!vote(4, "b", true).may_replace(&vote(4, "a", false)));
    assert!(vote(4, "a", true).may_replace(&vote(4, "a", false)));
    assert!(!vote(4, "a", false).may_replace(&vote(4, "a", true)));
    assert!(vote(4, "a", true).may_replace(&vote(4, "a", true)));
    assert!(vote(5, "b", false).may_replace(&vote(4, "a", true)));
}

#[test]
fn an_own_payload_is_a_slice_of_what_was_read() {
    let set = Command::Set { key: "colour".to_owned(), value: Bytes::from_static(b"green") };
    let mut out = Vec::new();
    set.encode(&mut out).unwrap();
    let bytes = Bytes::from(out);
    let Command::Set { value, .. } = Command::decode(bytes.clone()).unwrap() else {
        panic!("a command that sets")
    };
    assert!(bytes.as_ptr_range().contains(&value.as_ptr()));
}
