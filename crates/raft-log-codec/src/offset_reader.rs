//! A cursor over bytes in memory that knows where it stands, so that an error can say where.
//!
//! It never wraps a file: what it reads has been read and checked before.

use crate::DecodeError;

/// Reads little-endian fields one after the other from a slice.
#[derive(Debug, Clone)]
pub struct OffsetReader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> OffsetReader<'a> {
    /// Starts at the first byte of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Takes the next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Incomplete`] when fewer are left; the cursor then stays where it was.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(DecodeError::Incomplete {
            at: self.offset as u64,
            needed: count as u64,
            found: rest.len() as u64,
        })?;
        self.offset += count;
        Ok(taken)
    }

    /// Takes all bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        self.offset = self.bytes.len();
        rest
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    /// As [`OffsetReader::take`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// As [`OffsetReader::take`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Reads a 16-bit number.
    ///
    /// # Errors
    /// As [`OffsetReader::take`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Reads a 32-bit number.
    ///
    /// # Errors
    /// As [`OffsetReader::take`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Reads a 64-bit number.
    ///
    /// # Errors
    /// As [`OffsetReader::take`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] when bytes are left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.bytes.len() - self.offset {
            0 => Ok(()),
            count => Err(DecodeError::Trailing { count: count as u64 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_bytes_are_missing_and_stays_there() {
        let mut reader = OffsetReader::new(&[1, 2, 3, 4, 5]);
        assert_eq!(reader.u32().unwrap(), 0x0403_0201);
        let error = reader.u64().unwrap_err();
        assert!(matches!(error, DecodeError::Incomplete { at: 4, needed: 8, found: 1 }), "{error}");
        assert_eq!(reader.u8().unwrap(), 5);
        assert_eq!(reader.offset(), 5);
        reader.finish().unwrap();
    }

    #[test]
    fn it_refuses_to_finish_before_the_end() {
        let mut reader = OffsetReader::new(&[1, 2]);
        reader.u8().unwrap();
        assert!(matches!(reader.finish(), Err(DecodeError::Trailing { count: 1 })));
    }
}
