//! Taking values off the front of any bytes: numbers that are mostly small or near a limit, and short runs of bytes.
//!
//! What always holds: bytes that have run out read as zeros, so every input means something; and everything is taken in
//! order, so that an input can also be written by hand.

use arbitrary::Unstructured;

/// Numbers at which something may break.
const EDGES: [u64; 24] = [
    u64::MAX,
    u64::MAX - 1,
    u64::MAX - 2,
    u64::MAX - 7,
    u64::MAX - 8,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    i64::MAX as u64 - 7,
    i64::MAX as u64 - 4095,
    u32::MAX as u64,
    u32::MAX as u64 + 1,
    u32::MAX as u64 - 1,
    1 << 35,
    (1 << 35) - 8,
    1 << 40,
    256 << 20,
    (256 << 20) + 1040,
    1 << 20,
    64 << 10,
    4096,
    4088,
    1040,
    1024,
    512,
];

/// The first byte of a number that is not in it: an edge for those from here on.
const EDGE_AT: u8 = 200;
/// The first byte of a number that follows in two, or in eight bytes.
const WIDE_AT: u8 = EDGE_AT + EDGES.len() as u8;
const WIDEST_AT: u8 = 240;

/// The first byte of a length that follows in two bytes.
const LONG: u8 = u8::MAX;

pub(super) struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub(super) fn u16(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub(super) fn number(&mut self) -> u64 {
        match self.u8() {
            small @ 0..EDGE_AT => u64::from(small),
            edge @ EDGE_AT..WIDE_AT => EDGES[usize::from(edge - EDGE_AT)],
            WIDE_AT..WIDEST_AT => u64::from(self.u16()),
            WIDEST_AT.. => self.0.arbitrary().unwrap_or(0),
        }
    }

    /// Which of `count` things: 0 if there is none.
    pub(super) fn pick(&mut self, count: usize) -> usize {
        usize::from(self.u8()) % count.max(1)
    }

    /// Bytes behind their length; as many as are left if it asks for more.
    pub(super) fn bytes(&mut self) -> &'a [u8] {
        let length = match self.u8() {
            LONG => self.u16().into(),
            short => usize::from(short),
        };
        self.0.bytes(length.min(self.0.len())).unwrap_or_default()
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.0.bytes(self.0.len()).unwrap_or_default()
    }
}

/// Appends a number as [`Input::number`] takes it.
pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    match u8::try_from(number) {
        Ok(small) if small < EDGE_AT => out.push(small),
        _ => {
            out.push(WIDEST_AT);
            out.extend(number.to_le_bytes());
        }
    }
}

/// Appends bytes as [`Input::bytes`] takes them.
///
/// # Panics
/// When there are more than 65,535.
pub(super) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(short) if short < LONG => out.push(short),
        _ => {
            out.push(LONG);
            out.extend(u16::try_from(bytes.len()).expect("a length of 16 bits").to_le_bytes());
        }
    }
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_taken() {
        let mut out = Vec::new();
        for number in [0, 199, 200, 255, 70_000, u64::MAX] {
            push_number(&mut out, number);
        }
        let lengths = [0, 1, 254, 255, 300, 65_535];
        lengths.iter().for_each(|length| push_bytes(&mut out, &vec![7; *length]));
        let mut input = Input::new(&out);
        for number in [0, 199, 200, 255, 70_000, u64::MAX] {
            assert_eq!(input.number(), number);
        }
        for length in lengths {
            assert_eq!(input.bytes(), vec![7; length]);
        }
        assert!(input.is_empty());
        assert_eq!((input.u8(), input.number(), input.bytes()), (0, 0, &[][..]));
    }

    #[test]
    fn every_first_byte_leads_to_a_number() {
        for first in 0..=u8::MAX {
            let bytes = [first, 1, 2, 3, 4, 5, 6, 7, 8];
            let number = Input::new(&bytes).number();
            match first {
                ..EDGE_AT => assert_eq!(number, u64::from(first)),
                EDGE_AT..WIDE_AT => assert!(EDGES.contains(&number)),
                WIDE_AT..WIDEST_AT => assert_eq!(number, 0x0201),
                WIDEST_AT.. => assert_eq!(number, 0x0807_0605_0403_0201),
            }
        }
    }
}
