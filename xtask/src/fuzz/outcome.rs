//! What a run of libFuzzer came to, read from what it printed. Pure.

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct RunOutcome {
    pub(super) executions: u64,
    /// Inputs that were written down because they broke something; a run ends with the first.
    pub(super) finds: Vec<String>,
    /// How many edges of the code were reached.
    pub(super) edges: u64,
    /// How many inputs reach something of their own.
    pub(super) corpus: u64,
    pub(super) seconds: f64,
    pub(super) peak_mib: u64,
    /// Why it failed, as it says.
    pub(super) reasons: Vec<String>,
    pub(super) has_succeeded: bool,
}

impl RunOutcome {
    pub(super) fn of(log: &str, has_succeeded: bool, seconds: f64) -> Self {
        let mut outcome = Self { has_succeeded, seconds, ..Self::default() };
        let mut is_message = false;
        for line in log.lines() {
            // `#5256 NEW    cov: 930 ft: 2100 corp: 300/12Kb lim: 70 exec/s: 5256 rss: 40Mb ...`
            if line.starts_with('#') {
                outcome.edges = number_behind(line, " cov: ").unwrap_or(outcome.edges);
                outcome.corpus = number_behind(line, " corp: ").unwrap_or(outcome.corpus);
            }
            let stat = |name: &str| line.strip_prefix(name).and_then(|rest| rest.trim().parse().ok());
            outcome.executions = stat("stat::number_of_executed_units:").unwrap_or(outcome.executions);
            outcome.peak_mib = stat("stat::peak_rss_mb:").unwrap_or(outcome.peak_mib);
            if let Some((_, path)) = line.split_once("Test unit written to ") {
                outcome.finds.push(path.trim().to_owned());
            }
            let is_panic = line.contains("panicked at ");
            if is_message || is_panic || line.contains("ERROR: libFuzzer") {
                outcome.reasons.push(line.trim().to_owned());
            }
            // What a panic says stands in the next line.
            is_message = is_panic;
        }
        outcome
    }

    pub(super) fn is_failure(&self) -> bool {
        !self.has_succeeded || !self.finds.is_empty() || self.executions == 0
    }

    /// What was found, and how to see it again.
    pub(super) fn complaint(&self, target: &str) -> String {
        let mut lines = self.reasons.clone();
        lines.extend(
            self.finds.iter().map(|find| format!("again: cargo xtask fuzz --target {target} --input {find}")),
        );
        if lines.is_empty() {
            lines.push(format!("{target}: the run ended without a result"));
        }
        lines.join("\n")
    }
}

fn number_behind(line: &str, word: &str) -> Option<u64> {
    let (_, rest) = line.split_once(word)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
INFO: Seed: 42
#2	INITED cov: 300 ft: 301 corp: 2/7b exec/s: 0 rss: 28Mb
#400000	DONE   cov: 1234 ft: 5678 corp: 622/40Kb lim: 2048 exec/s: 133333 rss: 30Mb
Done 400000 runs in 3 second(s)
stat::number_of_executed_units: 400000
stat::average_exec_per_sec:     133333
stat::new_units_added:          622
stat::peak_rss_mb:              31
";

    const BAD: &str = "\
#128	pulse  cov: 300 ft: 301 corp: 2/7b exec/s: 0 rss: 28Mb

thread '<unnamed>' (1) panicked at crates/raft-log/src/read.rs:71:40:
attempt to subtract with overflow
==1== ERROR: libFuzzer: deadly signal
artifact_prefix='a/'; Test unit written to a/crash-74ba
stat::number_of_executed_units: 200
stat::peak_rss_mb:              89
";

    #[test]
    fn a_good_run_gives_its_last_figures() {
        let outcome = RunOutcome::of(GOOD, true, 3.5);
        assert_eq!(
            (outcome.executions, outcome.edges, outcome.corpus, outcome.peak_mib, outcome.seconds),
            (400_000, 1234, 622, 31, 3.5)
        );
        assert!(!outcome.is_failure());
    }

    #[test]
    fn a_find_is_named_with_its_reason() {
        let outcome = RunOutcome::of(BAD, false, 1.0);
        assert!(outcome.is_failure());
        assert_eq!(outcome.finds, ["a/crash-74ba"]);
        let complaint = outcome.complaint("open");
        for words in
            ["read.rs:71:40", "subtract with overflow", "deadly signal", "--target open --input a/crash-74ba"]
        {
            assert!(complaint.contains(words), "{words:?} is not in {complaint}");
        }
    }

    #[test]
    fn a_run_that_did_nothing_is_a_failure() {
        assert!(RunOutcome::of("", true, 0.0).is_failure());
        assert!(RunOutcome::of(GOOD, false, 0.0).is_failure());
        assert!(RunOutcome::of("", true, 0.0).complaint("scan").contains("without a result"));
    }
}
