//! Values as postcard writes them, a compact format for whatever implements serde's traits.
//!
//! What the log stores beside a value, term and index, is not written a second time. What always holds: bytes that are
//! left out were compared with what will be put back, or the first byte says that none were.

use postcard::ser_flavors::Flavor;
use raft_log::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first byte of an entry: its id is left out.
const WITHOUT_ID: u8 = 0;
/// The first byte of an entry: all of it follows, for it does not begin with its id.
const WHOLE: u8 = 1;

/// Appends `value` to `out`.
///
/// # Errors
/// When serde says so.
pub fn encode(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    postcard::serialize_with_flavor(value, Appending(out)).map_err(EncodeError::custom)
}

/// Reads a value back from all of `bytes`.
///
/// # Errors
/// When they are no such value, or something is left behind it.
pub fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, DecodeError> {
    let (value, left) = postcard::take_from_bytes(bytes).map_err(DecodeError::custom)?;
    match left.len() {
        0 => Ok(value),
        count => Err(DecodeError::Trailing { count: count as u64 }),
    }
}

/// Appends the id of a leader to `out`, without the term it begins with.
///
/// # Errors
/// When it does not begin with this term.
pub fn encode_leader(term: u64, leader: &impl Serialize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    encode(leader, out)?;
    if cut_prefix(out, start, &encoded(&term)?) {
        Ok(())
    } else {
        Err(EncodeError::custom("a leader's id does not begin with its term, as a u16, u32 or u64"))
    }
}

/// Reads the id of a leader back.
///
/// # Errors
/// As [`decode`].
pub fn decode_leader<L: DeserializeOwned>(term: u64, rest: &[u8]) -> Result<L, DecodeError> {
    decode(&joined(&term, rest)?)
}

/// Appends an entry to `out`, without the id it begins with; or all of it, if it begins with something else.
///
/// # Errors
/// As [`encode`].
pub fn encode_entry(
    id: &impl Serialize,
    entry: &impl Serialize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.push(WITHOUT_ID);
    encode(entry, out)?;
    if !cut_prefix(out, start + 1, &encoded(id)?)
        && let Some(form) = out.get_mut(start)
    {
        *form = WHOLE;
    }
    Ok(())
}

/// Reads an entry back.
///
/// # Errors
/// As [`decode`].
pub fn decode_entry<E: DeserializeOwned>(id: &impl Serialize, bytes: &[u8]) -> Result<E, DecodeError> {
    match bytes.split_first() {
        Some((&WITHOUT_ID, rest)) => decode(&joined(id, rest)?),
        Some((&WHOLE, entry)) => decode(entry),
        _ => Err(DecodeError::Invalid { what: "first byte of an entry" }),
    }
}

/// Takes `prefix` out of what stands in `out` from `start` on, if that begins with it.
fn cut_prefix(out: &mut Vec<u8>, start: usize, prefix: &[u8]) -> bool {
    let is_prefix = out.get(start..).is_some_and(|bytes| bytes.starts_with(prefix));
    if is_prefix {
        out.drain(start..start + prefix.len());
    }
    is_prefix
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode(value, &mut out)?;
    Ok(out)
}

/// The bytes of `prefix`, and `rest` behind them.
fn joined(prefix: &impl Serialize, rest: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = encoded(prefix).map_err(DecodeError::custom)?;
    bytes.extend_from_slice(rest);
    Ok(bytes)
}

/// Where postcard writes to: behind what is there.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_stored_without_the_id_it_begins_with_and_whole_otherwise() {
        for (id, entry, bytes) in [
            (7_u64, (7_u64, "text"), b"\x00\x04text".as_slice()),
            (300, (300, ""), b"\x00\x00"),
            (8, (7, "text"), b"\x01\x07\x04text"),
        ] {
            let mut out = b"before".to_vec();
            let before = out.len();
            encode_entry(&id, &entry, &mut out).unwrap();
            assert_eq!(&out[before..], bytes, "{id}: {entry:?}");
            let (number, text): (u64, String) = decode_entry(&id, bytes).unwrap();
            assert_eq!((number, text.as_str()), entry);
        }
        for wrong in [b"".as_slice(), b"\x02\x00", b"\x00\x01", b"\x00\x01ab"] {
            decode_entry::<(u64, String)>(&7_u64, wrong).unwrap_err();
        }
    }

    #[test]
    fn a_leader_that_does_not_begin_with_its_term_is_refused() {
        let mut out = Vec::new();
        encode_leader(300, &(300_u32, 9_u64), &mut out).unwrap();
        assert_eq!(out, [9]);
        assert_eq!(decode_leader::<(u32, u64)>(300, &out).unwrap(), (300, 9));
        encode_leader(300, &(9_u64, 300_u64), &mut out).unwrap_err();
        decode_leader::<(u16, u64)>(70_000, &out).unwrap_err();
    }
}
