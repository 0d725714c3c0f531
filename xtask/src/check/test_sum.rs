//! The sum over the `test result:` lines that `cargo test` prints, one for each test binary. Pure.

use std::fmt;

/// How many tests passed and failed over all test binaries of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct TestSum {
    passed: u64,
    failed: u64,
}

impl TestSum {
    /// Adds up all result lines of `output`. Lines of any other form count for nothing.
    pub(super) fn of(output: &str) -> Self {
        output.lines().filter_map(Self::of_line).fold(Self::default(), |sum, one| Self {
            passed: sum.passed + one.passed,
            failed: sum.failed + one.failed,
        })
    }

    /// Whether no test ran at all.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
    fn of_line(line: &str) -> Option<Self> {
        let (_verdict, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |unit: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(unit)?.strip_suffix(' ')?.parse().ok())
        };
        Some(Self { passed: count("passed")?, failed: count("failed")? })
    }
}

impl fmt::Display for TestSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_BINARIES: &str = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

running 12 tests
test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";

    #[test]
    fn all_result_lines_are_added_up() {
        let sum = TestSum::of(TWO_BINARIES);
        assert_eq!(sum, TestSum { passed: 13, failed: 2 });
        assert_eq!(sum.to_string(), "13 passed, 2 failed");
    }

    #[test]
    fn lines_of_another_form_count_for_nothing() {
        let output = "test result: unknown\n  test result: ok. 1 passed; 0 failed\ntest result: ok. x passed; 0 failed\n3 passed; 0 failed\n";
        assert!(TestSum::of(output).is_empty());
    }

    #[test]
    fn ignored_tests_are_no_run() {
        let line =
            "test result: ok. 0 passed; 0 failed; 7 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert!(TestSum::of(line).is_empty());
        assert!(TestSum::of("").is_empty());
    }
}
