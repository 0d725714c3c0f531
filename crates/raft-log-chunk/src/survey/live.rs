//! Which entries of each chunk are alive once all chunks are known.

use super::RecoveredChunk;

/// Finds which entries of each chunk are alive: later truncations cut those before them. They must cover exactly what
/// lies between purged and last, with terms that do not fall; the index where they do not is given.
pub(super) fn join(chunks: &mut [RecoveredChunk], purged: Option<u64>, last: Option<u64>) -> Option<u64> {
    let first = purged.map_or(0, |purged| purged.saturating_add(1));
    let mut cut = u64::MAX;
    for chunk in chunks.iter_mut().rev() {
        let start = chunk.summary.first_index().unwrap_or(0);
        let end = chunk.summary.end_index.min(cut);
        chunk.live = if chunk.summary.entries() == 0 || end <= start.max(first) {
            0..0
        } else {
            start.max(first)..end
        };
        cut = cut.min(chunk.summary.truncated_from.unwrap_or(u64::MAX));
    }
    let mut expected: Option<u64> = purged.map(|_| first);
    let mut term = 0;
    for chunk in chunks.iter().filter(|chunk| !chunk.live.is_empty()) {
        if expected.is_some_and(|expected| expected != chunk.live.start) {
            return expected;
        }
        expected = Some(chunk.live.end);
        for run in chunk.summary.runs.iter().filter(|run| run.index < chunk.live.end) {
            if run.term < term {
                return Some(run.index);
            }
            term = run.term;
        }
    }
    let end = last.map_or(0, |last| last.saturating_add(1));
    let found = expected.unwrap_or(0);
    (found != end).then(|| found.min(end))
}
