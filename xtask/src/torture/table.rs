//! The table at the end: one row for each part, a total, and whether all of it is well. Pure.

use std::fmt;

use super::part::Tally;

/// What became of a part.
#[derive(Debug)]
pub(super) enum Fate {
    /// It was played.
    Played(Tally),
    /// Something that it needs is not there.
    Skipped(String),
    /// It could not be played to its end.
    Broken(String),
}

/// A row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) test: &'static str,
    pub(super) fate: Fate,
    pub(super) seed: u64,
}

/// All rows, in the order of the parts.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

const HEAD: [&str; 6] = ["test", "count", "lost", "false acks", "silent", "seed"];

impl Row {
    /// Whether nothing was lost, and the part was played or is one that cannot be.
    pub(super) fn is_well(&self) -> bool {
        match &self.fate {
            Fate::Played(tally) => tally.is_clean(),
            Fate::Skipped(_) => true,
            Fate::Broken(_) => false,
        }
    }
}

impl Table {
    /// Whether every row is well.
    pub(super) fn is_well(&self) -> bool {
        self.rows.iter().all(Row::is_well)
    }

    fn sum(&self, column: impl Fn(&Tally) -> u64) -> String {
        let tallies = self.rows.iter().filter_map(|row| match &row.fate {
            Fate::Played(tally) => Some(tally),
            Fate::Skipped(_) | Fate::Broken(_) => None,
        });
        tallies.map(column).sum::<u64>().to_string()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<Result<[String; 6], (&str, String)>> = vec![Ok(HEAD.map(str::to_owned))];
        for Row { test, fate, seed } in &self.rows {
            lines.push(match fate {
                Fate::Played(tally) => Ok([
                    (*test).to_owned(),
                    format!("{} {}", tally.count, tally.counted),
                    tally.lost.to_string(),
                    tally.false_acks.to_string(),
                    tally.silent.to_string(),
                    seed.to_string(),
                ]),
                Fate::Skipped(why) => Err((test, format!("skipped: {why}"))),
                Fate::Broken(why) => Err((test, format!("BROKEN: {why}"))),
            });
        }
        lines.push(Ok([
            "total".into(),
            self.sum(|tally| tally.count),
            self.sum(|tally| tally.lost),
            self.sum(|tally| tally.false_acks),
            self.sum(|tally| tally.silent),
            String::new(),
        ]));
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| match line {
                Ok(cells) => cells.get(column).map(String::len),
                Err((test, _)) => (column == 0).then_some(test.len()),
            });
            cells.max().unwrap_or(0)
        };
        let widths = [0, 1, 2, 3, 4, 5].map(width);
        for line in &lines {
            let [test_width, count_width, lost_width, acks_width, silent_width, seed_width] = widths;
            let text = match line {
                Ok([test, count, lost, acks, silent, seed]) => format!(
                    "{test:<test_width$}  {count:<count_width$}  {lost:>lost_width$}  {acks:>acks_width$}  \
                     {silent:>silent_width$}  {seed:>seed_width$}"
                ),
                Err((test, why)) => format!("{test:<test_width$}  {}", why.replace('\n', " ")),
            };
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(test: &'static str, count: u64, lost: u64, false_acks: u64, silent: u64) -> Row {
        let tally = Tally { count, lost, false_acks, silent, ..Tally::of("kills") };
        Row { test, fate: Fate::Played(tally), seed: 77 }
    }

    #[test]
    fn the_columns_stand_below_their_words_and_are_summed_up() {
        let rows = vec![
            played("kills", 1200, 1, 0, 20),
            Row { test: "shutdown", fate: Fate::Skipped("it needs root".into()), seed: 77 },
            played("a-long-name", 3, 2, 10, 0),
        ];
        let text = Table { rows }.to_string();
        let expected = "\
test         count       lost  false acks  silent  seed
kills        1200 kills     1           0      20    77
shutdown     skipped: it needs root
a-long-name  3 kills        2          10       0    77
total        1203           3          10      20
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn any_number_above_zero_in_the_last_three_columns_is_a_failure() {
        let is_well = |row| Table { rows: vec![played("well", 5, 0, 0, 0), row] }.is_well();
        assert!(is_well(played("well", 0, 0, 0, 0)));
        assert!(!is_well(played("lost", 5, 1, 0, 0)));
        assert!(!is_well(played("false acks", 5, 0, 1, 0)));
        assert!(!is_well(played("silent", 5, 0, 0, 1)));
        let row = |fate| Row { test: "other", fate, seed: 1 };
        assert!(is_well(row(Fate::Skipped("no root".into()))));
        assert!(!is_well(row(Fate::Broken("no file".into()))));
    }
}
