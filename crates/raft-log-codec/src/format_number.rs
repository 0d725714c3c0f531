//! How numbers are written for people and in file names: digits in groups of three, joined by `_`.

use std::fmt::{self, Display};

/// A number with its digits grouped: `4_352`. A width given to the format is honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouped(pub u64);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(true, "", &group(&self.0.to_string()))
    }
}

/// A number in the fixed width that fits every `u64`: `00_000_000_000_000_004_096`.
///
/// Names in this form sort as their numbers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupedFixed(pub u64);

impl GroupedFixed {
    /// The number of characters: 20 digits and 6 separators.
    pub const WIDTH: usize = 26;

    /// Reads exactly what `Display` writes; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::WIDTH {
            return None;
        }
        let number = Self(text.replace('_', "").parse().ok()?);
        (number.to_string() == text).then_some(number)
    }
}

impl Display for GroupedFixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&group(&format!("{:020}", self.0)))
    }
}

fn group(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1_000"), (4_352, "4_352"), (1_234_567, "1_234_567")]
        {
            assert_eq!(Grouped(number).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Grouped(4_352)), "   4_352");
        assert_eq!(Grouped(u64::MAX).to_string(), "18_446_744_073_709_551_615");
    }

    #[test]
    fn the_fixed_form_is_read_back_and_sorts_as_the_numbers() {
        let numbers = [0, 1, 999, 4_096, 1 << 40, u64::MAX];
        let mut texts: Vec<String> = numbers.iter().map(|number| GroupedFixed(*number).to_string()).collect();
        assert_eq!(texts[3], "00_000_000_000_000_004_096");
        for (number, text) in numbers.iter().zip(&texts) {
            assert_eq!(text.len(), GroupedFixed::WIDTH);
            assert_eq!(GroupedFixed::parse(text), Some(GroupedFixed(*number)));
        }
        let in_order = texts.clone();
        texts.sort();
        assert_eq!(texts, in_order);
    }

    #[test]
    fn no_other_text_is_read() {
        for text in [
            "",
            "4096",
            "00_000_000_000_000_004_09",
            "00_000_000_000_000_0040_96",
            "0000000000000000000000004096",
            "+0_000_000_000_000_004_096",
            "99_999_999_999_999_999_999",
            "00_000_000_000_000_00x_096",
        ] {
            assert_eq!(GroupedFixed::parse(text), None, "{text}");
        }
    }
}
