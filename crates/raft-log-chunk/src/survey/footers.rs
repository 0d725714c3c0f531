//! Which footers tell what is in the chunks.

use super::SurveyOptions;
use super::chunk_start::{ChunkStart, fitting_footer};
use crate::error::RecoveryError;
use crate::footer::Footer;
use crate::full_check::{Candidate, are_whole};

/// The footers that tell what a scan would, as far as they say so themselves; `newest` is that of the newest chunk.
pub(super) fn footers(
    starts: &[ChunkStart],
    newest: Option<Footer>,
    options: &SurveyOptions,
) -> Result<Vec<Option<Footer>>, RecoveryError> {
    let pairs = starts.iter().zip(starts.iter().skip(1));
    let older = pairs.map(|(start, next)| match options.use_footers {
        true => fitting_footer(start, next),
        false => Ok(None),
    });
    older.chain(std::iter::once(Ok(newest))).collect()
}

/// Whether every frame of the chunks that have footers is whole, and says what the footers do.
pub(super) fn are_true(starts: &[ChunkStart], footers: &[Option<Footer>], window_bytes: usize) -> bool {
    let candidate = |(start, footer): (&ChunkStart, &Option<Footer>)| {
        Some(Candidate { file: start.file.clone(), seed: start.header()?.seed(), footer: footer.clone()? })
    };
    let candidates: Vec<Candidate> = starts.iter().zip(footers).filter_map(candidate).collect();
    are_whole(&candidates, window_bytes)
}
