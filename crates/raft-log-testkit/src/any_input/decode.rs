//! Any bytes, taken for one stored thing: a value or a typed error, and a value that was read is written as it was.

use std::sync::Arc;

use bytes::Bytes;
use raft_log_chunk::{
    ChunkHeader, ChunkId, DURABLE_FILE, DurableFacts, DurableFile, HeaderFault, Storage, encode_footer,
    read_durable, read_footer,
};
use raft_log_codec::{
    Decode, Encode, Frame, FrameHead, FrameSeed, PlainTypes, PlainVote, REST_BYTES_MAX, RaftLogState,
    RawLogId, RawTypes, RawVote, Record, RecordKind, TermIndex, Types, group_frame, parse_group, push_frame,
};

use super::forge::{self, ForgedFrame};
use super::input::Input;
use super::{Watch, watched};
use crate::MemoryStorage;

/// What is taken for each byte of the input, and besides: two slots of `DURABLE`, or what is read of a footer at once.
const BYTES_PER_BYTE: u64 = 64;
const BYTES_BESIDES: u64 = 64 << 10;

/// Reads the bytes as what their first byte says, and demands that a value that is read gives the same bytes again.
///
/// # Panics
/// When a promise is broken.
pub fn decode(bytes: &[u8], watch: Watch<'_>) {
    let bytes_max = BYTES_PER_BYTE * bytes.len() as u64 + BYTES_BESIDES;
    watched(watch, bytes_max, || decode_one(&mut Input::new(bytes)));
}

fn decode_one(input: &mut Input<'_>) {
    match input.u8() % 10 {
        0 => {
            let bytes = Bytes::copy_from_slice(input.rest());
            assert_exact::<Record<RawTypes>>(&bytes);
            assert_exact::<Record<PlainTypes>>(&bytes);
        }
        1 => {
            let bytes = Bytes::copy_from_slice(input.rest());
            assert_exact::<RaftLogState<RawTypes>>(&bytes);
            assert_exact::<RaftLogState<PlainTypes>>(&bytes);
        }
        2 => {
            let bytes = Bytes::copy_from_slice(input.rest());
            assert_exact::<PlainVote>(&bytes);
            assert_exact::<RawVote>(&bytes);
        }
        3 => forged_frame(input),
        4 => frame_as_it_is(input),
        5 => group(input),
        6 => header(input),
        7 => durable(input),
        8 => footer(input),
        _ => record_of_parts(input),
    }
}

fn assert_exact<T: Encode + Decode>(bytes: &Bytes) {
    let Ok(value) = T::decode(bytes.clone()) else { return };
    let mut out = Vec::new();
    value.encode(&mut out).expect("what was read can be written");
    assert_eq!(out, bytes[..]);
}

fn place(input: &mut Input<'_>) -> (FrameSeed, u64) {
    let seed = FrameSeed::new(input.number().into(), input.number(), input.number());
    (seed, input.number() & !7)
}

/// A frame with good checksums and anything in it.
fn forged_frame(input: &mut Input<'_>) {
    let (seed, offset) = place(input);
    let forged = ForgedFrame::of(input);
    let mut bytes = Vec::new();
    forged.push(&mut bytes, seed, offset);
    let bytes = Bytes::from(bytes);
    let parsed = Frame::parse(&bytes, seed, offset);
    if let Ok(frame) = &parsed {
        assert!(frame.end() >= frame.offset);
        if forged.stated_len.is_none() {
            assert_eq!((frame.fault, &frame.payload[..]), (None, &forged.payload[..]));
            assert_frame_exact::<RawTypes>(frame, &bytes, seed);
            assert_frame_exact::<PlainTypes>(frame, &bytes, seed);
        } else {
            // The body is another one then, and what it decodes to is nobody's.
            let _ = frame.record::<RawTypes>();
        }
        if let Some(id) = &frame.id {
            assert_eq!(id.typed::<TermIndex>().is_ok(), id.rest.is_empty());
            assert_eq!(RawLogId::from_typed(id).expect("an id that was read"), *id);
        }
    }
    // What the head says does not depend on the body.
    if let (Ok(frame), Ok(head)) = (&parsed, FrameHead::parse(&bytes, seed, offset)) {
        assert_eq!(frame.head, head);
        assert_eq!(FrameHead::parse(&bytes[..head.head_size()], seed, offset), Ok(head));
    }
    let _ = parse_group(&bytes, seed, offset);
    // And one changed byte does not pass.
    if forged.stated_len.is_some() {
        return;
    }
    let at = input.pick(bytes.len());
    let mut damaged = bytes.to_vec();
    damaged[at] ^= input.u8().max(1);
    let is_whole = Frame::parse(&damaged.into(), seed, offset).is_ok_and(|frame| frame.fault.is_none());
    let is_in_frame = parsed.is_ok_and(|frame| at < frame.head.size());
    assert!(!is_whole || !is_in_frame, "a changed byte at {at} is not seen in {forged:?}");
}

fn assert_frame_exact<T: Types>(frame: &Frame, bytes: &Bytes, seed: FrameSeed) {
    let Ok(record) = frame.record::<T>() else { return };
    let mut out = Vec::new();
    push_frame(&mut out, seed, frame.offset, &record).expect("what was read can be written");
    assert_eq!(out, bytes[..frame.head.size()]);
}

/// Bytes whose checksums nobody has seen to.
fn frame_as_it_is(input: &mut Input<'_>) {
    let (seed, offset) = place(input);
    let bytes = Bytes::copy_from_slice(input.rest());
    let head = FrameHead::parse(&bytes, seed, offset);
    let group = parse_group(&bytes, seed, offset);
    assert!(group.is_none() || head.is_ok());
    if let Ok(frame) = Frame::parse(&bytes, seed, offset) {
        assert_eq!(Ok(frame.head), head);
    }
}

fn group(input: &mut Input<'_>) {
    let (seed, offset) = place(input);
    let durable_end = input.number().min(offset);
    let mut frame = group_frame(seed, offset, durable_end);
    assert_eq!(parse_group(&frame, seed, offset), Some(durable_end));
    // A group that vouches for what is behind it vouches for nothing.
    let beyond = ForgedFrame {
        kind: RecordKind::Group.byte(),
        payload: input.number().to_le_bytes().to_vec(),
        ..ForgedFrame::default()
    };
    let mut bytes = Vec::new();
    beyond.push(&mut bytes, seed, offset);
    assert!(parse_group(&bytes, seed, offset).is_none_or(|durable_end| durable_end <= offset));
    let at = input.pick(frame.len());
    frame[at] ^= input.u8().max(1);
    assert_eq!(parse_group(&frame, seed, offset), None);
}

fn header(input: &mut Input<'_>) {
    let is_forged = input.u8() & 1 == 0;
    let rest = input.rest();
    let _ = ChunkHeader::decode(rest);
    let Some(unchecked) = ChunkHeader::decode_unchecked(rest) else { return };
    if is_forged {
        let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes"));
        let (version, flags) = (number(8), number(12));
        match ChunkHeader::decode(&forge::header(&unchecked, version, flags)) {
            Ok(decoded) => {
                assert_eq!(decoded, unchecked);
                assert_eq!(ChunkHeader::decode(&decoded.encode()), Ok(decoded));
            }
            Err(fault) => assert_eq!(fault, HeaderFault::Unsupported { version, flags }),
        }
    }
}

fn durable(input: &mut Input<'_>) {
    let forged = input.u8();
    let storage = MemoryStorage::new();
    let mut file = Vec::new();
    for slot in 0..2 {
        file.resize(slot * 4096, 0);
        if forged & (1 << slot) == 0 {
            let version = if forged & 4 == 0 { 1 } else { input.number() as u32 };
            let mut fields = Vec::new();
            fields.extend(u128::from(input.number()).to_le_bytes());
            (0..3).for_each(|_| fields.extend(input.number().to_le_bytes()));
            file.extend(forge::durable_slot(version, &fields));
        } else {
            file.extend(input.bytes().iter().take(4096));
        }
    }
    storage.put_file(DURABLE_FILE, file);
    let facts = read_durable(&storage).expect("memory can be read");
    if let DurableFacts::Mark(mark) = facts {
        let opened = DurableFile::open(&storage, mark).expect("memory can be written");
        assert_eq!(opened.mark(), Some(mark));
        assert_eq!(read_durable(&storage).expect("memory can be read"), facts);
        // Whatever stood there, the next mark is what counts.
        let next = raft_log_chunk::DurableMark { chunk_id: ChunkId::new(input.number()), ..mark };
        DurableFile::open(&storage, next).expect("memory can be written");
        assert_eq!(read_durable(&storage).expect("memory can be read"), DurableFacts::Mark(next));
    }
}

fn footer(input: &mut Input<'_>) {
    let is_forged = input.u8() & 3 != 0;
    let (seed, end) = place(input);
    // A file that is large only in what it says would be one in memory, too.
    let end = end % 4096;
    let mut bytes = vec![0; usize::try_from(end).expect("a short file")];
    if is_forged {
        let mut fields = Vec::new();
        // The end is the first field; a footer that stands elsewhere is none.
        fields.extend(if input.u8() < 250 { end } else { input.number() }.to_le_bytes());
        let claims = input.u8();
        if claims & 1 == 0 {
            fields.extend(input.number().to_le_bytes());
            fields.push(input.u8() % 3);
            fields.extend(input.number().to_le_bytes());
            fields.extend(input.number().to_le_bytes());
            let runs = u32::from(input.u8() % 5);
            fields.extend(if claims & 14 == 14 { input.number() as u32 } else { runs }.to_le_bytes());
            for _ in 0..runs {
                fields.extend(input.number().to_le_bytes());
                fields.extend(input.number().to_le_bytes());
                let rest = input.bytes();
                fields.extend((rest.len() as u32).to_le_bytes());
                fields.extend(rest);
            }
            let state = input.bytes();
            fields.extend((state.len() as u32).to_le_bytes());
            fields.extend(state);
        }
        fields.extend(input.bytes());
        bytes.extend(forge::footer_head(seed, end, &fields));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes.extend(input.rest());
    let storage = MemoryStorage::new();
    storage.put_file("footer", bytes);
    let file = storage.open("footer").expect("it was put there");
    let Some(footer) = read_footer(&*file, seed, end).expect("memory can be read") else { return };
    assert_eq!(footer.end(), end);
    let table = footer.table();
    let read = table.read(&*file).expect("memory can be read");
    assert!(read.is_none_or(|offsets| offsets.len() as u64 == footer.summary.entries()));
    let entries = footer.summary.entries();
    if entries < 1000 {
        // Written again, it says the same; and its table is whole.
        let offsets: Vec<u32> = (0..entries as u32).collect();
        let mut bytes = vec![0; usize::try_from(end).expect("a short file")];
        bytes.extend(encode_footer(seed, end, &footer.summary, &offsets, &footer.state));
        storage.put_file("again", bytes);
        let file: Arc<_> = storage.open("again").expect("it was put there");
        let again = read_footer(&*file, seed, end).expect("memory can be read").expect("a whole footer");
        assert_eq!((&again.summary, &again.state), (&footer.summary, &footer.state));
        assert_eq!(again.table().read(&*file).expect("memory can be read"), Some(offsets));
        assert_eq!(again.table().end(), file.size().expect("memory has a size"));
    }
}

/// A record from parts that need not fit each other.
fn record_of_parts(input: &mut Input<'_>) {
    fn with<T: Types>(kind: RecordKind, id: Option<&RawLogId>, payload: &Bytes) {
        let Ok(id) = id.map(RawLogId::typed::<T::LogId>).transpose() else { return };
        let Ok(record) = Record::<T>::from_parts(kind, id, payload.clone()) else { return };
        assert_eq!(record.kind(), kind);
        let mut out = Vec::new();
        record.encode(&mut out).expect("what was read can be written");
        assert_exact::<Record<T>>(&out.into());
    }
    let kind = RecordKind::ALL[input.pick(RecordKind::ALL.len())];
    let has_id = input.u8() & 1 == 0;
    // A longer one is refused where it is read, so it cannot be here.
    let rest = input.bytes();
    let rest = Bytes::copy_from_slice(&rest[..rest.len().min(REST_BYTES_MAX)]);
    let id = RawLogId { term: input.number(), index: input.number(), rest };
    let id = has_id.then_some(&id);
    let payload = Bytes::copy_from_slice(input.rest());
    with::<RawTypes>(kind, id, &payload);
    with::<PlainTypes>(kind, id, &payload);
}
