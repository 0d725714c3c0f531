//! The sum of the rounds, and the table that shows it. Nothing here judges: it adds up.

use std::fmt;
use std::time::Duration;

use super::compare::Verdict;

/// The rounds of one kind, or all of them.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sum {
    pub(super) rounds: u64,
    /// Entries that were acknowledged in these rounds, and that were found after them.
    pub(super) acknowledged: u64,
    pub(super) recovered: u64,
    pub(super) lost: u64,
    pub(super) wrong: u64,
    pub(super) torn_tails: u64,
    pub(super) time: Duration,
    /// The longest time that opening took.
    pub(super) open_max: Duration,
}

/// The sums by kind, in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rows: Vec<(&'static str, Sum)>,
}

impl Sum {
    pub(super) fn of(verdict: &Verdict) -> Self {
        Self { lost: verdict.lost, wrong: verdict.wrong, ..Self::default() }
    }

    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.recovered += other.recovered;
        self.lost += other.lost;
        self.wrong += other.wrong;
        self.torn_tails += other.torn_tails;
        self.time += other.time;
        self.open_max = self.open_max.max(other.open_max);
    }
}

impl Summary {
    pub(super) fn add(&mut self, kind: &'static str, sum: &Sum) {
        match self.rows.iter_mut().find(|(row, _)| *row == kind) {
            Some((_, row)) => row.add(sum),
            None => self.rows.push((kind, *sum)),
        }
    }

    pub(super) fn total(&self) -> Sum {
        let mut total = Sum::default();
        self.rows.iter().for_each(|(_, sum)| total.add(sum));
        total
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads =
            ["rounds", "acknowledged", "recovered", "lost", "wrong", "torn tails", "time", "slowest open"];
        write!(f, "{:<6}", "")?;
        heads.iter().try_for_each(|head| write!(f, "  {head:>12}"))?;
        let total = ("total", self.total());
        for (kind, sum) in self.rows.iter().chain([&total]) {
            write!(f, "\n{kind:<6}")?;
            for number in [sum.rounds, sum.acknowledged, sum.recovered, sum.lost, sum.wrong, sum.torn_tails] {
                write!(f, "  {number:>12}")?;
            }
            let open_ms = sum.open_max.as_secs_f64() * 1e3;
            write!(f, "  {:>10.1} s  {open_ms:>9.1} ms", sum.time.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_in_any_round_is_in_the_total() {
        let mut summary = Summary::default();
        let lost = |lost| Sum { rounds: 1, lost, open_max: Duration::from_millis(lost), ..Sum::default() };
        for (kind, sum) in [("kill", lost(1)), ("tear", lost(0)), ("kill", lost(2))] {
            summary.add(kind, &sum);
        }
        let total = summary.total();
        assert_eq!((total.rounds, total.lost, total.open_max), (3, 3, Duration::from_millis(2)));
        assert_eq!(summary.to_string().lines().count(), 4, "{summary}");
    }
}
