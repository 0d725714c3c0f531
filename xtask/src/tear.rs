//! Where the kernel is to cut a write in two, and telling it so.
//!
//! A file size limit (`RLIMIT_FSIZE`) lets a process write up to an offset and not beyond, also where the file is
//! longer already: the write that crosses it is done up to the limit, and the next one kills the process. Nothing in
//! this program touches the file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Outcome;
use crate::random::Random;

/// A limit, and how much must be written so that it is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tear {
    /// No byte at or behind this offset can be written.
    pub(crate) limit: u64,
    /// A group of at least so many bytes is cut in two.
    pub(crate) group_bytes: u64,
}

/// How far ahead of the end of the frames the limit lies: a few entries, so that it is seldom within the first.
const AHEAD_MIN: u64 = 200;
const AHEAD_MAX: u64 = 4000;

/// `DURABLE` takes two sectors of 4 KiB. The limit holds for every file of the process, and must not meet that first.
const SMALL_FILES: u64 = 16 * 1024;

/// Frames begin and end at multiples of this.
const FRAME_ALIGNMENT: u64 = 8;

/// What a frame of an entry takes beyond the payload, at least and at most.
pub(crate) const FRAME_BYTES_MIN: u64 = 32;
const FRAME_BYTES_MAX: u64 = 48;

/// Chooses a limit ahead of `end`, where the frames of the active chunk end: never where a frame could end.
///
/// A frame is filled up with zeros to its alignment, and zeros are there already: a cut within them, about one in 25,
/// leaves the frame whole and no torn tail.
pub(crate) fn choose(end: u64, random: &mut Random) -> Tear {
    let ahead = random.between(AHEAD_MIN, AHEAD_MAX);
    let frame = (end + ahead) / FRAME_ALIGNMENT * FRAME_ALIGNMENT;
    let limit = frame + random.between(1, FRAME_ALIGNMENT - 1);
    Tear { limit, group_bytes: limit - end + 1 }
}

/// Whether a group that crosses a limit still goes into the active chunk, whose frames end at `end`; `longest` is the
/// longest line there is.
pub(crate) fn has_room(end: u64, chunk_bytes: u64, longest: u64) -> bool {
    // The group is counted with the least an entry can take, so it may become larger than it was asked to be.
    let group_max =
        (AHEAD_MAX + FRAME_ALIGNMENT) / FRAME_BYTES_MIN * FRAME_BYTES_MAX + longest + FRAME_BYTES_MAX;
    end >= SMALL_FILES && end + group_max <= chunk_bytes
}

/// Has the kernel hold this process to the limit, and leave no core file when that kills it.
///
/// # Errors
/// When the limit cannot be set.
pub(crate) fn apply(tear: Tear) -> Outcome {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: Some(tear.limit), maximum })
        .map_err(|error| format!("cannot limit the size of files to {}: {error}", tear.limit).into())
}

/// Has the kernel leave no core file when it kills this process.
///
/// # Errors
/// When the limit cannot be set.
pub(crate) fn leave_no_core() -> Outcome {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })
        .map_err(|error| format!("cannot switch core files off: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lies_ahead_of_the_end_and_never_where_a_frame_could_end() {
        let mut random = Random::new(3);
        for _ in 0..10_000 {
            let end = random.between(0, 1 << 40) / 8 * 8;
            let tear = choose(end, &mut random);
            assert_ne!(tear.limit % 8, 0, "{tear:?}");
            assert!((end + AHEAD_MIN - 8..=end + AHEAD_MAX + 8).contains(&tear.limit), "{end} {tear:?}");
            assert!(end + tear.group_bytes > tear.limit, "{end} {tear:?}");
        }
    }

    #[test]
    fn a_group_that_crosses_the_limit_fits_into_the_chunk() {
        let mut random = Random::new(4);
        let (end, longest) = (20_000, 90);
        let smallest = (0..).find(|bytes| has_room(end, *bytes, longest)).unwrap();
        for _ in 0..10_000 {
            let tear = choose(end, &mut random);
            // Entries without a payload, and the longest one at the end.
            let entries = tear.group_bytes.div_ceil(FRAME_BYTES_MIN);
            assert!(end + entries * 40 + longest + 24 <= smallest, "{tear:?}");
        }
    }

    #[test]
    fn small_files_are_below_every_limit() {
        assert!(!has_room(SMALL_FILES - 8, 1 << 20, 80));
        assert!(has_room(SMALL_FILES, 1 << 20, 80));
    }
}
