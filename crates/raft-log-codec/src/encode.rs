//! Turning values into bytes and back: the two traits, their errors, and the types of std that need no thought.
//!
//! Nothing here is framed or checksummed; that is the work of `frame`.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;

/// Writes a value as bytes.
///
/// Integers of a fixed size, `String`, `Vec<u8>`, [`Bytes`] and `()` are ready-made; integers are written little-endian.
/// Types that `serde` or another library encodes take two lines: its bytes are appended to `out`, and its error goes into
/// [`EncodeError::custom`].
///
/// A value is given back exactly the bytes it wrote, so the last of its fields needs no size:
///
/// ```
/// use bytes::Bytes;
/// use raft_log_codec::{Decode, DecodeError, Encode, EncodeError, OffsetReader};
///
/// #[derive(Debug, PartialEq)]
/// struct Transfer {
///     amount: u64,
///     note: Bytes,
/// }
///
/// impl Encode for Transfer {
///     fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
///         self.amount.encode(out)?;
///         self.note.encode(out)
///     }
/// }
///
/// impl Decode for Transfer {
///     fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
///         let mut reader = OffsetReader::new(&bytes);
///         let amount = reader.u64()?;
///         // A slice of the bytes that were read: nothing is copied.
///         let note = bytes.slice(reader.offset()..);
///         Ok(Self { amount, note })
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transfer = Transfer { amount: 7, note: Bytes::from_static(b"rent") };
/// let mut out = Vec::new();
/// transfer.encode(&mut out)?;
/// assert_eq!(Transfer::decode(out.into())?, transfer);
/// assert!(Transfer::decode(Bytes::from_static(b"short")).is_err());
/// # Ok(())
/// # }
/// ```
pub trait Encode {
    /// Appends the value's bytes to `out`, and touches nothing that stands in it already.
    ///
    /// # Errors
    /// When the value cannot be expressed. What was appended before the error is cut off again by
    /// [`push_frame`](crate::push_frame).
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// Reads a value back from its bytes.
pub trait Decode: Sized {
    /// Makes the value from all of `bytes`, without a copy where the value can hold slices of them.
    ///
    /// # Errors
    /// When the bytes are not what [`Encode::encode`] writes. Any bytes may be given; none may panic.
    fn decode(bytes: Bytes) -> Result<Self, DecodeError>;
}

/// Why a value could not be encoded.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The encoded value is larger than the format allows.
    #[error("the {what} takes {size} bytes, more than the {max} bytes that a log stores")]
    TooLarge {
        /// What was encoded.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// The value's own encoder failed.
    #[error("the value's encoder failed")]
    Custom(#[source] Arc<dyn Error + Send + Sync>),
}

impl EncodeError {
    /// An error of an application's own encoder.
    pub fn custom(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Custom(Arc::from(error.into()))
    }
}

/// Why bytes could not be decoded.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("{needed} bytes are needed at byte {at}, and {found} are left")]
    Incomplete {
        /// Where the missing bytes were wanted, counted from the start of the innermost part that was being read.
        at: u64,
        /// How many bytes were wanted.
        needed: u64,
        /// How many are left.
        found: u64,
    },
    /// Bytes are left behind the value.
    #[error("{count} bytes are left behind the value")]
    Trailing {
        /// How many.
        count: u64,
    },
    /// A part is larger than the format allows.
    #[error("the {what} takes {size} bytes, more than the {max} bytes that a log stores")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// A field holds what no encoder writes.
    #[error("the {what} holds an impossible value")]
    Invalid {
        /// Which field.
        what: &'static str,
    },
    /// The value's own decoder failed.
    #[error("the value's decoder failed")]
    Custom(#[source] Arc<dyn Error + Send + Sync>),
}

impl DecodeError {
    /// An error of an application's own decoder.
    pub fn custom(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Custom(Arc::from(error.into()))
    }
}

impl Encode for Bytes {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self);
        Ok(())
    }
}

impl Decode for Bytes {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        Ok(bytes)
    }
}

impl Encode for Vec<u8> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self);
        Ok(())
    }
}

impl Decode for Vec<u8> {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        Ok(bytes.into())
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self.as_bytes());
        Ok(())
    }
}

impl Decode for String {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        String::from_utf8(bytes.into()).map_err(DecodeError::custom)
    }
}

/// Little-endian, in as many bytes as the type has.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Encode for $number {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                out.extend_from_slice(&self.to_le_bytes());
                Ok(())
            }
        }

        impl Decode for $number {
            fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
                let mut reader = crate::OffsetReader::new(&bytes);
                let value = Self::from_le_bytes(reader.array()?);
                reader.finish()?;
                Ok(value)
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

impl Encode for () {
    fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Decode for () {
    fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        crate::OffsetReader::new(&bytes).finish()
    }
}
