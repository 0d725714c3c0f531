//! The verdict as a pure function: each fault by itself, each pair of faults, and any facts at all.
//!
//! The table below is the table of the format's rules: a fault earlier in it wins over every later one.

use proptest::collection::vec;
use proptest::prelude::*;
use raft_log_chunk::{
    Behind, ChunkFacts, ChunkHeader, ChunkId, CorruptKind, DurableFacts, DurableMark, Facts, HeaderFault,
    MissingKind, RecoveryError, Space, Stop, StopCause, judge,
};
use raft_log_codec::{DecodeError, HeadFault, ReplayFault};

const EMPTY: StopCause = StopCause::Head(HeadFault::Empty);
const UNKNOWN: StopCause = StopCause::Unsupported { kind: 9, flags: 0 };

/// Three chunks at 0, 1000 and 2000 of which the newest ends at 400 in 512 bytes, durable up to 300.
fn good() -> Facts {
    let chunk = |number: u64, end, stop| ChunkFacts {
        id: ChunkId::new(number * 1000),
        file_size: if end == Some(1000) { 1200 } else { 512 },
        end,
        header: Ok(ChunkHeader {
            log_id: 7,
            chunk_id: ChunkId::new(number * 1000),
            salt: 50 + number,
            previous_salt: 49 + number,
            space: Space::Fresh,
        }),
        state_fault: None,
        stop: Some(Stop { offset: stop, cause: EMPTY }),
        durable_end: 200,
        behind: Behind { bytes: 112, ..Behind::default() },
        replay_fault: None,
    };
    Facts {
        durable: DurableFacts::Mark(DurableMark {
            log_id: 7,
            chunk_id: ChunkId::new(2000),
            salt: 52,
            end: 300,
        }),
        chunks: vec![chunk(0, Some(1000), 1000), chunk(1, Some(1000), 1000), chunk(2, None, 400)],
        is_complete: true,
        gap_at: None,
        refuse_torn: true,
    }
}

fn mark(facts: &mut Facts) -> &mut DurableMark {
    match &mut facts.durable {
        DurableFacts::Mark(mark) => mark,
        other => panic!("no mark: {other:?}"),
    }
}

fn header(facts: &mut Facts, position: usize) -> &mut ChunkHeader {
    facts.chunks[position].header.as_mut().unwrap()
}

fn contradiction() -> ReplayFault {
    ReplayFault::Contradiction { reason: "a rule".to_owned() }
}

/// One fault: its row in the table, its name, how it gets into good facts, and the error it is.
struct Fault {
    row: u32,
    name: &'static str,
    /// Which part of the facts it needs for itself: two faults in one part cannot be there together.
    part: &'static str,
    put: fn(&mut Facts),
    is_expected: fn(&RecoveryError) -> bool,
}

macro_rules! faults {
    ($($row:literal $part:literal $name:literal: $put:expr => $pattern:pat $(if $guard:expr)?,)*) => {
        vec![$(Fault {
            row: $row,
            name: $name,
            part: $part,
            put: $put,
            is_expected: |error| matches!(error, $pattern $(if $guard)?),
        }),*]
    };
}

fn faults() -> Vec<Fault> {
    use CorruptKind as C;
    use MissingKind as M;
    use RecoveryError::{Corrupt, Foreign, MissingData, Torn, Undecodable, Unsupported};
    faults![
        1 "durable" "a slot of another version":
            |facts| facts.durable = DurableFacts::Unsupported { version: 2 } =>
            Unsupported { file, offset: 0, .. } if file == "DURABLE",
        1 "header 1" "a header of another version":
            |facts| facts.chunks[1].header = Err(HeaderFault::Unsupported { version: 2, flags: 0 }) =>
            Unsupported { file, offset: 0, .. } if *file == ChunkId::new(1000).file_name(),
        1 "state 1" "a chunk that begins with an unknown kind":
            |facts| facts.chunks[1].state_fault = Some(UNKNOWN) =>
            Unsupported { file, offset: 64, .. } if *file == ChunkId::new(1000).file_name(),
        1 "stop 1" "an unknown kind in an older chunk":
            |facts| facts.chunks[1].stop = Some(Stop { offset: 320, cause: UNKNOWN }) =>
            Unsupported { offset: 320, .. },
        1 "stop 2" "an unknown kind in the newest chunk":
            |facts| facts.chunks[2].stop = Some(Stop { offset: 328, cause: UNKNOWN }) =>
            Unsupported { offset: 328, .. },
        1 "replay 2" "a record that does not decode":
            |facts| facts.chunks[2].replay_fault =
                Some((96, ReplayFault::Undecodable(DecodeError::Invalid { what: "vote" }))) =>
            Undecodable { chunk, offset: 96, .. } if chunk.offset() == 2000,

        2 "durable" "a mark of another log":
            |facts| mark(facts).log_id = 8 =>
            Foreign { file, expected: 7, found: 8 } if file == "DURABLE",
        2 "header 0" "a chunk of another log":
            |facts| header(facts, 0).log_id = 9 =>
            Foreign { file, expected: 7, found: 9 } if *file == ChunkId::new(0).file_name(),

        3 "header 0" "a chunk under another's name":
            |facts| header(facts, 0).chunk_id = ChunkId::new(3000) =>
            Corrupt { kind: C::OtherChunk { found }, offset: 0, .. } if found.offset() == 3000,

        4 "durable" "a mark of a chunk newer than all":
            |facts| mark(facts).chunk_id = ChunkId::new(2400) =>
            MissingData(M::NewestChunk { durable_end: 300, .. }),
        4 "durable" "a mark with another salt":
            |facts| mark(facts).salt = 99 =>
            MissingData(M::ReplacedChunk { chunk }) if chunk.offset() == 2000,
        4 "durable" "a mark beyond the newest file":
            |facts| mark(facts).end = 513 =>
            MissingData(M::CutChunk { file_size: 512, needed: 513, .. }),
        4 "durable" "a mark beyond the end of an older chunk":
            |facts| *mark(facts) = DurableMark { log_id: 7, chunk_id: ChunkId::new(1000), salt: 51, end: 1001 } =>
            MissingData(M::CutChunk { file_size: 1000, needed: 1001, .. }),
        5 "complete" "chunks that run out above the purged mark":
            |facts| facts.is_complete = false =>
            MissingData(M::OlderChunk { before }) if before.offset() == 0,
        6 "header 1" "a predecessor that was replaced":
            |facts| header(facts, 1).previous_salt = 1 =>
            MissingData(M::BrokenChain { before, .. }) if before.offset() == 0,
        7 "size 1" "a file shorter than its chunk":
            |facts| facts.chunks[1].file_size = 999 =>
            MissingData(M::CutChunk { file_size: 999, needed: 1000, .. }),
        8 "gap" "entries that do not join":
            |facts| facts.gap_at = Some(17) =>
            MissingData(M::Entry { index: 17 }),

        9 "header 1" "a damaged header":
            |facts| facts.chunks[1].header = Err(HeaderFault::Damaged) =>
            Corrupt { kind: C::Header(HeaderFault::Damaged), offset: 0, .. },
        9 "state 1" "a damaged state":
            |facts| facts.chunks[1].state_fault = Some(EMPTY) =>
            Corrupt { kind: C::State(EMPTY), offset: 64, .. },
        9 "stop 0" "broken framing in an older chunk":
            |facts| facts.chunks[0].stop = Some(Stop { offset: 992, cause: EMPTY }) =>
            Corrupt { kind: C::Frame { needed: 1000, .. }, offset: 992, .. },
        10 "stop 2" "an end before what DURABLE vouches for":
            |facts| facts.chunks[2].stop = Some(Stop { offset: 296, cause: EMPTY }) =>
            Corrupt { kind: C::Frame { needed: 300, .. }, offset: 296, .. },
        10 "groups 2" "an end before what a group vouches for":
            |facts| facts.chunks[2].durable_end = 408 =>
            Corrupt { kind: C::Frame { needed: 408, .. }, offset: 400, .. },
        10 "behind 2" "an end before what a group behind it vouches for":
            |facts| facts.chunks[2].behind.durable_end = 401 =>
            Corrupt { kind: C::Frame { needed: 401, .. }, offset: 400, .. },

        11 "replay 1" "a record against the rules":
            |facts| facts.chunks[1].replay_fault = Some((128, contradiction())) =>
            Corrupt { kind: C::Contradiction { .. }, offset: 128, .. },

        12 "nonzero 2" "bytes behind the end":
            |facts| facts.chunks[2].behind.first_nonzero = Some(440) =>
            Torn { offset: 400, first_nonzero: 440, .. },
    ]
}

#[test]
fn good_facts_are_a_log_that_ends_where_the_frames_do() {
    assert!(matches!(judge(&good()), Ok(Some(400))));
    let mut facts = good();
    facts.chunks[2].stop = None;
    assert!(matches!(judge(&facts), Ok(None)), "a footer tells the end");
}

#[test]
fn each_fault_is_its_own_error() {
    for fault in faults() {
        let mut facts = good();
        (fault.put)(&mut facts);
        let error = judge(&facts).expect_err(fault.name);
        assert!((fault.is_expected)(&error), "{}: {error:?}", fault.name);
    }
}

#[test]
fn of_two_faults_the_one_in_the_earlier_row_is_told() {
    let faults = faults();
    let mut pairs = 0;
    for first in &faults {
        for second in faults.iter().filter(|second| second.row > first.row && second.part != first.part) {
            // Both ways, so that neither overwrites the other.
            for order in [[first, second], [second, first]] {
                let mut facts = good();
                order.iter().for_each(|fault| (fault.put)(&mut facts));
                let error = judge(&facts).unwrap_err();
                assert!((first.is_expected)(&error), "{} and {}: {error:?}", first.name, second.name);
            }
            pairs += 1;
        }
    }
    assert!(pairs > 150, "{pairs} pairs");
}

#[test]
fn what_is_not_wrong_is_not_told() {
    type Put = fn(&mut Facts);
    let allowed: &[(&str, Put)] = &[
        ("no DURABLE", |facts| facts.durable = DurableFacts::Absent),
        ("a damaged DURABLE", |facts| facts.durable = DurableFacts::Damaged),
        ("a mark of a chunk that was purged", |facts| mark(facts).chunk_id = ChunkId::new(500)),
        ("a mark of an older chunk", |facts| {
            *mark(facts) = DurableMark { log_id: 7, chunk_id: ChunkId::new(1000), salt: 51, end: 1000 };
        }),
        ("a mark right at the end", |facts| mark(facts).end = 400),
        ("a mark that claims nothing, of a chunk that was never made", |facts| {
            *mark(facts) = DurableMark { log_id: 7, chunk_id: ChunkId::new(0), salt: 99, end: 0 };
        }),
        ("a group that vouches up to the end", |facts| facts.chunks[2].durable_end = 400),
        ("a predecessor of the oldest", |facts| header(facts, 0).previous_salt = 12345),
        ("a file that goes on behind its chunk", |facts| facts.chunks[0].file_size = u64::MAX),
        ("bytes behind the end where nobody minds", |facts| {
            facts.refuse_torn = false;
            facts.chunks[2].behind.first_nonzero = Some(440);
        }),
        ("bytes behind the end of reused space", |facts| {
            header(facts, 2).space = Space::Reused;
            facts.chunks[2].behind.first_nonzero = Some(440);
        }),
        ("a frame behind the end of reused space", |facts| {
            header(facts, 2).space = Space::Reused;
            facts.chunks[2].behind.first_nonzero = Some(400);
            facts.chunks[2].behind.first_frame = Some(440);
        }),
        ("a footer behind the end", |facts| {
            facts.chunks[2].behind.first_nonzero = Some(400);
            facts.chunks[2].behind.is_footer = true;
        }),
        ("a group of an older chunk", |facts| facts.chunks[0].durable_end = u64::MAX),
    ];
    for (name, put) in allowed {
        let mut facts = good();
        put(&mut facts);
        let verdict = judge(&facts);
        assert!(matches!(verdict, Ok(Some(400))), "{name}: {verdict:?}");
    }
}

#[test]
fn without_chunks_only_a_claim_of_durable_bytes_is_missing_data() {
    let mut facts = Facts { chunks: Vec::new(), ..good() };
    assert!(matches!(judge(&facts), Err(RecoveryError::MissingData(MissingKind::NewestChunk { .. }))));
    mark(&mut facts).end = 0;
    assert!(matches!(judge(&facts), Ok(Some(0))));
    for durable in [DurableFacts::Absent, DurableFacts::Damaged] {
        assert!(matches!(judge(&Facts { durable, ..facts.clone() }), Ok(Some(0))));
    }
}

#[test]
fn a_chunk_that_cannot_be_made_out_is_damage_and_not_missing_data() {
    // The walk back ends there, so the chunks seem to run out; what is older may well be there.
    for put in
        [(|facts| facts.chunks[0].header = Err(HeaderFault::Short { found: 3 })) as fn(&mut Facts), |facts| {
            facts.chunks[0].state_fault = Some(StopCause::NotState)
        }]
    {
        let mut facts = Facts { is_complete: false, ..good() };
        put(&mut facts);
        let error = judge(&facts).unwrap_err();
        assert!(matches!(error, RecoveryError::Corrupt { chunk, .. } if chunk.offset() == 0), "{error:?}");
    }
}

/// Numbers that meet each other: small ones, those of the good facts, and the largest.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 7, 50, 51, 52, 64, 300, 400, 512, 1000, 2000]),
        1 => 0..4000_u64,
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ]
}

fn any_cause() -> impl Strategy<Value = StopCause> {
    prop::sample::select(vec![
        EMPTY,
        UNKNOWN,
        StopCause::NotState,
        StopCause::Head(HeadFault::Incomplete { needed: usize::MAX }),
        StopCause::Head(HeadFault::Checksum { expected: 1, found: 2 }),
    ])
}

prop_compose! {
    fn any_header()(
        log_id in any_number(), chunk_id in any_number(), salt in any_number(), previous_salt in any_number(),
        fault in prop::option::weighted(0.1, Just(HeaderFault::Damaged)),
        is_fresh in any::<bool>(),
    ) -> Result<ChunkHeader, HeaderFault> {
        let space = if is_fresh { Space::Fresh } else { Space::Reused };
        let header =
            ChunkHeader { log_id: log_id.into(), chunk_id: ChunkId::new(chunk_id), salt, previous_salt, space };
        fault.map_or(Ok(header), Err)
    }
}

prop_compose! {
    fn any_chunk()(
        id in any_number(), file_size in any_number(), end in prop::option::of(any_number()),
        header in any_header(), state_fault in prop::option::weighted(0.1, any_cause()),
        stop in prop::option::of((any_number(), any_cause())),
        numbers in (any_number(), any_number(), any_number()),
        first_nonzero in prop::option::of(any_number()), is_footer in any::<bool>(),
        replay_fault in prop::option::weighted(0.1, any_number()),
    ) -> ChunkFacts {
        ChunkFacts {
            id: ChunkId::new(id),
            file_size,
            end,
            header,
            state_fault,
            stop: stop.map(|(offset, cause)| Stop { offset, cause }),
            durable_end: numbers.0,
            behind: Behind {
                bytes: numbers.1,
                first_nonzero,
                first_frame: first_nonzero.filter(|offset| offset % 16 == 0),
                is_footer,
                durable_end: numbers.2,
            },
            replay_fault: replay_fault.map(|offset| (offset, contradiction())),
        }
    }
}

fn any_durable() -> impl Strategy<Value = DurableFacts> {
    let mark =
        (any_number(), any_number(), any_number(), any_number()).prop_map(|(log, chunk, salt, end)| {
            DurableFacts::Mark(DurableMark { log_id: log.into(), chunk_id: ChunkId::new(chunk), salt, end })
        });
    prop_oneof![
        1 => Just(DurableFacts::Absent),
        1 => Just(DurableFacts::Damaged),
        1 => Just(DurableFacts::Unsupported { version: 3 }),
        4 => mark,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_facts_get_a_verdict(
        durable in any_durable(), chunks in vec(any_chunk(), 0..4), is_complete in any::<bool>(),
        gap_at in prop::option::of(any_number()), refuse_torn in any::<bool>(),
    ) {
        let facts = Facts { durable, chunks, is_complete, gap_at, refuse_torn };
        match judge(&facts) {
            Ok(end) => {
                let newest = facts.chunks.last();
                prop_assert_eq!(end, newest.map_or(Some(0), |newest| newest.stop.map(|stop| stop.offset)));
                prop_assert!(facts.chunks.iter().all(|chunk| chunk.header.is_ok() && chunk.replay_fault.is_none()));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
