//! What the run says: one line for each step, and the sum at the end. Only words and figures; nothing is decided here.

use std::time::Duration;

use crate::log_diff::{Bound, Compared};

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line {
    Load,
    Kill,
    Purge,
    Restart,
    KillAll,
    Logs,
    Recover,
    Check,
}

impl Line {
    /// Prints a line.
    pub(crate) fn say(self, text: &str) {
        let name = match self {
            Self::Load => "load",
            Self::Kill => "kill",
            Self::Purge => "purge",
            Self::Restart => "restart",
            Self::KillAll => "kill all",
            Self::Logs => "logs",
            Self::Recover => "recover",
            Self::Check => "check",
        };
        println!("  {name:<8}  {text}");
    }
}

/// What all rounds came to.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    /// Writes that were acknowledged.
    pub(crate) writes: u64,
    /// Times that a write was sent and not answered.
    pub(crate) unanswered: u64,
    /// Leaders that acknowledged a write or were elected after a restart.
    pub(crate) elections: u64,
    pub(crate) purges: u64,
    pub(crate) snapshots_sent: u64,
    /// Keys that were held against what was acknowledged, on all nodes together.
    pub(crate) checked: u64,
    pub(crate) failovers: Vec<Duration>,
    pub(crate) recoveries: Vec<Duration>,
    pub(crate) openings: Vec<Duration>,
    loaded: u64,
    loaded_for: Duration,
    per_sync: Vec<f64>,
}

impl Sum {
    /// Adds the undisturbed part of a round's load.
    pub(crate) fn add_load(&mut self, writes: u64, elapsed: Duration, per_sync: Option<f64>) {
        self.loaded += writes;
        self.loaded_for += elapsed;
        self.per_sync.extend(per_sync);
    }

    pub(crate) fn print(&self, rounds: u64, elapsed: Duration) {
        let rate = self.loaded as f64 / self.loaded_for.as_secs_f64().max(f64::MIN_POSITIVE);
        let syncs = self.per_sync.iter().sum::<f64>() / self.per_sync.len().max(1) as f64;
        println!("{rounds} rounds in {:.0} s", elapsed.as_secs_f64());
        println!(
            "  acknowledged     {} writes, {} writes/s undisturbed",
            count(self.writes),
            count(rate as u64)
        );
        println!("  writes per sync  {syncs:.1}, of the leader's log");
        println!("  not answered     {} writes, sent again", count(self.unanswered));
        println!("  elections        {}", self.elections);
        println!("  leader killed    next write acknowledged after {}", spread(&self.failovers));
        println!("  all killed       all there, and applied by all, after {}", spread(&self.recoveries));
        println!("  logs opened      after SIGKILL in {}", spread(&self.openings));
        println!(
            "  snapshots        {} taken and purged up to, {} sent to a node that came back",
            self.purges, self.snapshots_sent
        );
        println!("  checked          {} keys, one by one on every node: nothing lost", count(self.checked));
    }
}

/// What was compared, in words.
pub(crate) fn logs_line(bound: Bound, pairs: &[((u64, u64), Compared)]) -> String {
    let upto = match bound {
        Bound::Applied(index) => format!("up to index {}, applied by all", count(index)),
        Bound::Marks => "as the kill left them, up to where both mark them committed".to_owned(),
    };
    let pair = |((a, b), compared): &((u64, u64), Compared)| {
        let what = match compared.committed {
            Some(span) => format!("{} to {} the same", count(span.first), count(span.last)),
            None => "nothing in common".to_owned(),
        };
        let behind = match (compared.same_behind, compared.is_tail_different) {
            (0, false) => String::new(),
            (same, false) => format!(" and {} behind", count(same)),
            (same, true) => format!(" and {} behind, then uncommitted ones differ", count(same)),
        };
        format!("{a}={b}: {what}{behind}")
    };
    format!("ids and payloads {upto}: {}", pairs.iter().map(pair).collect::<Vec<_>>().join("; "))
}

/// The smallest, the middle and the largest.
fn spread(durations: &[Duration]) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort();
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(first), Some(middle), Some(last)) => {
            format!(
                "{} at best, {} in the middle, {} at worst",
                millis(*first),
                millis(*middle),
                millis(*last)
            )
        }
        _ => "?".to_owned(),
    }
}

pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let texts: Vec<String> = [0, 999, 1_000, 1_234_567].map(count).into();
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_spread_names_the_ends_and_the_middle() {
        let durations = [3, 1, 2].map(Duration::from_millis);
        assert_eq!(spread(&durations), "1.0 ms at best, 2.0 ms in the middle, 3.0 ms at worst");
        assert_eq!(spread(&[]), "?");
    }
}
