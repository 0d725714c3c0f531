//! Whether a log that was opened again holds what it must. Pure: it sees entries and numbers, not the log.
//!
//! What was acknowledged must be there. What is there beyond that must be right all the same: a log may end late, but
//! never in something else.

use bytes::Bytes;
use raft_log::TermIndex;

use super::acknowledged::Acknowledged;
use super::input::Input;

/// Which line stands at which index, in which term: runs of entries, oldest first.
#[derive(Debug, Default)]
pub(super) struct Written {
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    start: u64,
    term: u64,
    /// The entry `index` holds the line `index + shift`.
    shift: u64,
}

/// What a log says of itself once it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The first index that can be read.
    pub(super) first: u64,
    /// The index behind the last entry, the number of committed entries, and the term of the vote.
    pub(super) marks: Acknowledged,
}

/// What the comparison came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Acknowledged entries that are missing, or are not what was written.
    pub(super) lost: u64,
    /// Anything else that is not as it must be.
    pub(super) wrong: u64,
    /// The first few of them, in words.
    pub(super) examples: Vec<String>,
}

const EXAMPLES_MAX: usize = 5;

impl Written {
    /// From `start` on, entries are of this term and hold the line of their index plus `shift`.
    pub(super) fn begin(&mut self, start: u64, term: u64, shift: u64) {
        self.runs.retain(|run| run.start < start);
        self.runs.push(Run { start, term, shift });
    }

    /// The term of the entry `index`, and the number of its line.
    pub(super) fn expected(&self, index: u64) -> Option<(u64, u64)> {
        let run = self.runs.iter().rev().find(|run| run.start <= index)?;
        Some((run.term, index + run.shift))
    }
}

impl Verdict {
    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(what());
        }
    }

    pub(super) fn wrong(&mut self, what: String) {
        self.wrong += 1;
        self.note(|| what);
    }

    fn missing(&mut self, lost: u64, what: String) {
        self.lost += lost;
        self.note(|| what);
    }
}

/// Compares what was read, in order from `found.first` on, with what was written and what was promised.
pub(super) fn compare(
    input: &Input,
    written: &Written,
    promised: Acknowledged,
    found: Found,
    entries: impl IntoIterator<Item = Result<(TermIndex, Bytes), String>>,
) -> Verdict {
    let mut verdict = Verdict::default();
    let end = found.marks.entries;
    let mut index = found.first;
    for entry in entries {
        let (id, payload) = match entry {
            Ok(entry) => entry,
            Err(error) => {
                verdict.wrong(error);
                break;
            }
        };
        let fits = written.expected(index).is_some_and(|(term, line)| {
            id == TermIndex::new(term, index) && payload == *input.line(line) && index < end
        });
        if !fits {
            let is_promised = index < promised.entries;
            (verdict.lost, verdict.wrong) =
                (verdict.lost + u64::from(is_promised), verdict.wrong + u64::from(!is_promised));
            verdict.note(|| format!("entry {index} is not what was written: {id} with {payload:?}"));
        }
        index += 1;
    }
    if index < end {
        let lost = promised.entries.min(end).saturating_sub(index);
        verdict
            .missing(lost, format!("the log ends at {end}, but its entries could be read to {index} only"));
        verdict.wrong += u64::from(lost == 0);
    }
    if end < promised.entries {
        let lost = promised.entries - end.max(found.first);
        verdict
            .missing(lost, format!("{} entries were acknowledged, the log ends at {end}", promised.entries));
    }
    let marks = [
        ("committed", found.marks.committed, promised.committed),
        // The writer votes for the number of entries there are, so a later vote would come from nowhere.
        ("vote", found.marks.vote, promised.vote),
    ];
    for (name, found, promised) in marks {
        if found < promised {
            verdict.wrong(format!("{name} is {found}, but {promised} was acknowledged"));
        } else if found > end {
            verdict.wrong(format!("{name} is {found}, but the log ends at {end}"));
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::super::input::default_path;
    use super::*;

    const PROMISED: Acknowledged = Acknowledged { entries: 8, committed: 4, vote: 6 };

    struct Case {
        input: Input,
        written: Written,
        found: Found,
        entries: Vec<Result<(TermIndex, Bytes), String>>,
    }

    /// Ten entries of which eight were promised.
    fn good() -> Case {
        let input = Input::load(&default_path().unwrap()).unwrap();
        let mut written = Written::default();
        written.begin(0, 1, 0);
        written.begin(5, 2, 0);
        let entries = (0..10)
            .map(|index| Ok((TermIndex::new(1 + u64::from(index >= 5), index), input.line(index).clone())))
            .collect();
        let marks = Acknowledged { entries: 10, committed: 5, vote: 6 };
        Case { input, written, found: Found { first: 0, marks }, entries }
    }

    fn verdict_of(change: impl FnOnce(&mut Case)) -> (u64, u64) {
        let mut case = good();
        change(&mut case);
        let verdict = compare(&case.input, &case.written, PROMISED, case.found, case.entries);
        assert_eq!(verdict.examples.is_empty(), verdict.lost + verdict.wrong == 0, "{verdict:?}");
        (verdict.lost, verdict.wrong)
    }

    #[test]
    fn a_log_that_holds_everything_and_a_little_more_is_right() {
        assert_eq!(verdict_of(|_| {}), (0, 0));
    }

    #[test]
    fn an_acknowledged_entry_that_is_missing_is_lost() {
        let shorten = |case: &mut Case| {
            case.entries.truncate(7);
            case.found.marks.entries = 7;
        };
        assert_eq!(verdict_of(shorten), (1, 0));
        assert_eq!(verdict_of(|case| case.entries.truncate(6)), (2, 0));
        assert_eq!(verdict_of(|case| case.entries.truncate(9)), (0, 1));
        assert_eq!(verdict_of(|case| case.entries[3] = Err("unreadable".into())), (5, 1));
    }

    #[test]
    fn one_changed_byte_is_seen_before_and_behind_what_was_acknowledged() {
        let change = |index: usize| {
            move |case: &mut Case| {
                let (id, line) = case.entries[index].clone().unwrap();
                let mut line = line.to_vec();
                line.push(b' ');
                case.entries[index] = Ok((id, line.into()));
            }
        };
        assert_eq!(verdict_of(change(7)), (1, 0));
        assert_eq!(verdict_of(change(8)), (0, 1));
    }

    #[test]
    fn an_entry_of_another_term_or_place_is_not_the_one_that_was_written() {
        let term = |case: &mut Case| case.entries[5].as_mut().unwrap().0.term = 1;
        assert_eq!(verdict_of(term), (1, 0));
        let swap = |case: &mut Case| case.entries.swap(1, 2);
        assert_eq!(verdict_of(swap), (2, 0));
        let beyond = |case: &mut Case| {
            case.entries.push(Ok((TermIndex::new(2, 10), case.input.line(10).clone())));
        };
        assert_eq!(verdict_of(beyond), (0, 1));
    }

    #[test]
    fn marks_must_be_as_high_as_acknowledged_and_not_beyond_the_end() {
        assert_eq!(verdict_of(|case| case.found.marks.committed = 3), (0, 1));
        assert_eq!(verdict_of(|case| case.found.marks.committed = 11), (0, 1));
        assert_eq!(verdict_of(|case| case.found.marks.vote = 5), (0, 1));
        assert_eq!(verdict_of(|case| case.found.marks.vote = 11), (0, 1));
    }

    #[test]
    fn an_overwritten_suffix_takes_the_place_of_what_was_there() {
        let mut written = Written::default();
        written.begin(0, 1, 0);
        written.begin(20, 2, 0);
        written.begin(10, 3, 1);
        assert_eq!(written.expected(9), Some((1, 9)));
        assert_eq!(written.expected(10), Some((3, 11)));
        assert_eq!(written.expected(25), Some((3, 26)));
        assert_eq!(Written::default().expected(0), None);
    }
}
