//! What the entries carry: bytes that no compression makes smaller, or such as text has.

use bytes::{Bytes, BytesMut};

/// A kind of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Random bytes.
    Incompressible,
    /// Words and numbers, as a serialised command has them.
    TextLike,
}

impl Payload {
    /// `size` bytes of it, the same each time.
    pub(crate) fn bytes(self, size: usize) -> Bytes {
        match self {
            Self::Incompressible => {
                // A linear congruential generator with Knuth's constants for 64 bits; the high bits are good enough here.
                let mut state = 1_u64;
                let mut next = || {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state.to_be_bytes().first().copied().unwrap_or_default()
                };
                (0..size).map(|_| next()).collect()
            }
            Self::TextLike => {
                let commands = (0_u64..).flat_map(|number| {
                    format!(
                        r#"{{"op":"set","key":"user/{:05}/name","value":"name {number}"}}"#,
                        number * 7919 % 99_991
                    )
                    .into_bytes()
                });
                commands.take(size).collect()
            }
        }
    }
}

/// Payloads as a network gives them: slices of buffers that hold many, which each of these keeps in memory.
///
/// Where another thread clones payloads meanwhile, one that all entries share would be counted by both at every turn.
pub(crate) struct Received {
    payload: Bytes,
    buffer: BytesMut,
}

const RECEIVED_BYTES: usize = 64 << 10;

impl Received {
    /// The same payload again and again.
    pub(crate) fn new(payload: Bytes) -> Self {
        Self { payload, buffer: BytesMut::new() }
    }

    pub(crate) fn next(&mut self) -> Bytes {
        if self.buffer.capacity() < self.payload.len() {
            self.buffer = BytesMut::with_capacity(RECEIVED_BYTES.max(self.payload.len()));
        }
        self.buffer.extend_from_slice(&self.payload);
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_payload_has_its_size_and_its_nature() {
        for size in [0, 64, 65_536] {
            assert_eq!(Payload::Incompressible.bytes(size).len(), size);
            assert_eq!(Payload::TextLike.bytes(size).len(), size);
        }
        let kinds = |payload: Payload| payload.bytes(4096).iter().copied().collect::<BTreeSet<u8>>().len();
        assert!(kinds(Payload::Incompressible) > 250);
        assert!(kinds(Payload::TextLike) < 50);
    }

    #[test]
    fn what_is_received_is_the_payload_and_shares_its_buffer() {
        let payload = Payload::Incompressible.bytes(256);
        let mut received = Received::new(payload.clone());
        let all: Vec<Bytes> = (0..1000).map(|_| received.next()).collect();
        assert!(all.iter().all(|next| *next == payload && !next.is_unique()));
        let large = Payload::TextLike.bytes(RECEIVED_BYTES + 1);
        assert_eq!(Received::new(large.clone()).next(), large);
    }
}
