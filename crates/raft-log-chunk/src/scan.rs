//! Reading a chunk's frames in their order, in a window of bounded size.
//!
//! A scan reports what it finds and judges nothing: it ends at the first place that holds no frame with a good head,
//! and whether that is the end of the log or damage is for `verdict` to say.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use raft_log_codec::{
    FRAME_ALIGNMENT, FRAME_FIXED_SIZE, Frame, FrameHead, FrameSeed, HeadFault, RecordKind, parse_group,
};

use crate::HEADER_SIZE;
use crate::storage::{StorageFile, read_full_at};

/// Reads one frame after the other.
#[derive(Debug)]
pub struct FrameScan {
    file: Arc<dyn StorageFile>,
    seed: FrameSeed,
    /// Nothing at or behind this offset is read.
    limit: u64,
    offset: u64,
    window_bytes: usize,
    window: Bytes,
    window_at: u64,
}

/// What stands at the offset of a scan.
#[derive(Debug, Clone)]
pub enum Scanned {
    /// A frame with a good head.
    Frame(Frame),
    /// No frame: the scan has ended.
    End {
        /// Where.
        offset: u64,
        /// Why; `Incomplete` when the limit of the scan cuts the frame or comes before it.
        fault: HeadFault,
    },
}

impl FrameScan {
    /// Scans from the first frame of a chunk up to `limit`, or to the end of the file if that comes first, reading
    /// about `window_bytes` at a time. A single frame that is larger is read whole, once its head is trusted.
    ///
    /// # Errors
    /// When the size of the file cannot be had.
    pub fn new(
        file: Arc<dyn StorageFile>,
        seed: FrameSeed,
        limit: Option<u64>,
        window_bytes: usize,
    ) -> io::Result<Self> {
        let size = file.size()?;
        let limit = limit.map_or(size, |limit| limit.min(size));
        Ok(Self {
            file,
            seed,
            limit,
            offset: HEADER_SIZE as u64,
            window_bytes: window_bytes.max(FRAME_FIXED_SIZE),
            window: Bytes::new(),
            window_at: 0,
        })
    }

    /// The same scan from another place.
    pub fn starting_at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Where the next frame is looked for.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame, or the end, again and again once it is reached.
    ///
    /// # Errors
    /// When the file cannot be read; never taken for an end.
    pub fn next_frame(&mut self) -> io::Result<Scanned> {
        let mut needed = FRAME_FIXED_SIZE;
        loop {
            let at = self.have(self.offset, needed)?;
            match Frame::parse_at(&self.window, at, self.seed, self.offset) {
                Ok(frame) => {
                    self.offset = frame.end();
                    return Ok(Scanned::Frame(frame));
                }
                Err(HeadFault::Incomplete { needed: more })
                    if more > self.window.len() - at
                        && self.offset.saturating_add(more as u64) <= self.limit =>
                {
                    needed = more;
                }
                Err(fault) => {
                    return Ok(Scanned::End { offset: self.offset, fault });
                }
            }
        }
    }

    /// Has the window hold the bytes from `offset` on, at least `needed` unless the limit comes first. Gives where in
    /// the window they begin.
    #[inline]
    fn have(&mut self, offset: u64, needed: usize) -> io::Result<usize> {
        let window_end = self.window_at + self.window.len() as u64;
        let wanted_end = offset.saturating_add(needed as u64).min(self.limit);
        if offset < self.window_at || wanted_end > window_end {
            self.read_window(offset, needed)?;
        }
        Ok(usize::try_from(offset - self.window_at).unwrap_or(usize::MAX).min(self.window.len()))
    }

    fn read_window(&mut self, offset: u64, needed: usize) -> io::Result<()> {
        let size = (needed.max(self.window_bytes) as u64).min(self.limit.saturating_sub(offset));
        // The memory of the last window is used again, unless somebody holds a frame of it.
        let mut buffer = std::mem::take(&mut self.window).try_into_mut().unwrap_or_default();
        buffer.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        let found = read_full_at(&*self.file, &mut buffer, offset)?;
        buffer.truncate(found);
        // A file that shrinks under the scan ends it.
        if (found as u64) < size {
            self.limit = offset + found as u64;
        }
        self.window = buffer.freeze();
        self.window_at = offset;
        Ok(())
    }
}

/// What lies behind the end of the newest chunk's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behind {
    /// How many bytes.
    pub bytes: u64,
    /// Where the first byte that is not zero lies, if there is one. In reused space that says nothing: it may be left
    /// of the chunk whose file it was.
    pub first_nonzero: Option<u64>,
    /// Where the first frame of this chunk with a good head stands, if there is one: what a write left that was cut
    /// short, whatever the space held before. Frames of another chunk are none of this one's.
    pub first_frame: Option<u64>,
    /// Whether a whole footer stands right at the end, as a clean close leaves it.
    pub is_footer: bool,
    /// The highest end that a whole `Group` frame there vouches for.
    pub durable_end: u64,
}

/// No head is larger.
const HEAD_MAX: usize = 2048;

/// Where the first byte lies that is not zero. Laid space is long, so it is compared in pieces.
fn first_nonzero(bytes: &[u8]) -> Option<usize> {
    const ZEROS: [u8; 1024] = [0; 1024];
    let mut pieces = bytes.chunks(ZEROS.len()).enumerate();
    let (number, piece) = pieces.find(|(_, piece)| ZEROS.get(..piece.len()) != Some(*piece))?;
    let within = piece.iter().position(|byte| *byte != 0)?;
    Some(number * ZEROS.len() + within)
}

/// Looks at what lies from `end` to the end of the file.
///
/// # Errors
/// When the file cannot be read.
pub fn look_behind(
    file: &dyn StorageFile,
    seed: FrameSeed,
    end: u64,
    window_bytes: usize,
) -> io::Result<Behind> {
    let size = file.size()?;
    let mut behind = Behind { bytes: size.saturating_sub(end), ..Behind::default() };
    let step = window_bytes.max(HEAD_MAX).next_multiple_of(FRAME_ALIGNMENT as usize);
    // Each window overlaps the next by a head, so that no place is missed.
    let mut window = vec![0; step + HEAD_MAX];
    let mut at = end;
    while at < size {
        let found = read_full_at(file, &mut window, at)?;
        let bytes = window.get(..found).unwrap_or_default();
        let first_nonzero = first_nonzero(bytes);
        if let Some(position) = first_nonzero {
            behind.first_nonzero.get_or_insert(at + position as u64);
            for place in (0..found.min(step)).step_by(FRAME_ALIGNMENT as usize) {
                let candidate = bytes.get(place..).unwrap_or_default();
                let offset = at + place as u64;
                if let Some(durable_end) = parse_group(candidate, seed, offset) {
                    behind.durable_end = behind.durable_end.max(durable_end);
                }
                if behind.first_frame.is_none() && known_head(candidate, seed, offset).is_some() {
                    behind.first_frame = Some(offset);
                }
            }
        }
        if found < step {
            break;
        }
        at += step as u64;
    }
    Ok(behind)
}

/// The first place from `from` on, and before `limit`, that holds a frame with a good head of a known kind.
///
/// # Errors
/// When the file cannot be read.
pub fn find_frame(
    file: &dyn StorageFile,
    seed: FrameSeed,
    from: u64,
    limit: u64,
    window_bytes: usize,
) -> io::Result<Option<(u64, FrameHead)>> {
    let step = window_bytes.max(HEAD_MAX).next_multiple_of(FRAME_ALIGNMENT as usize);
    let mut window = vec![0; step + HEAD_MAX];
    let limit = limit.min(file.size()?);
    let mut at = from.min(limit).next_multiple_of(FRAME_ALIGNMENT);
    while at < limit {
        let found = read_full_at(file, &mut window, at)?;
        for place in (0..found.min(step)).step_by(FRAME_ALIGNMENT as usize) {
            let offset = at + place as u64;
            let candidate = window.get(place..found).unwrap_or_default();
            if offset < limit
                && let Some(head) = known_head(candidate, seed, offset)
            {
                return Ok(Some((offset, head)));
            }
        }
        if found < step {
            break;
        }
        at += step as u64;
    }
    Ok(None)
}

/// The good head of a known kind that stands at `offset`, where `bytes` begin.
fn known_head(bytes: &[u8], seed: FrameSeed, offset: u64) -> Option<FrameHead> {
    // The kind is asked first: it refuses nearly every place at once.
    bytes.get(12).copied().and_then(RecordKind::from_byte)?;
    FrameHead::parse(bytes, seed, offset).ok()
}
