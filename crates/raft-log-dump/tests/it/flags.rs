//! What the flags select, and how lines look.

use crate::support::*;

fn listing(arguments: &[&str]) -> String {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let output = dump(directory.path(), arguments);
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

fn rows(listing: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let lines = listing.lines().map(words);
    lines.filter(|words| words[0].starts_with(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn the_listing_has_a_heading_a_row_for_each_record_and_a_summary_for_each_chunk() {
    let listing = listing(&[]);
    let count = |start: &str| listing.lines().filter(|line| line.starts_with(start)).count();
    let chunks = count("chunk r-");
    assert!(chunks >= 3, "{listing}");
    assert_eq!(listing.matches("all checksums good").count(), chunks, "{listing}");
    assert_eq!(listing.matches("closed").count(), 1, "{listing}");
    assert_eq!(rows(&listing).iter().filter(|row| row[2] == "append").count(), 24);
    assert!(listing.contains("durable up to"), "{listing}");
    assert!(listing.contains(r#""payload 3\u{1b}[2J""#), "{listing}");
    assert!(!listing.contains('\u{1b}'));
    // Columns stand under their headings.
    let heading = listing.lines().find(|line| line.contains("OFFSET")).unwrap();
    let kind_at = heading.find("KIND").unwrap();
    for line in listing.lines().filter(|line| line.contains("  append  ")) {
        assert_eq!(line.find("append"), Some(kind_at), "{line}");
    }
}

#[test]
fn records_are_selected_by_index_and_kind_and_chunk() {
    let indexes = |arguments: &[&str]| -> Vec<String> {
        rows(&listing(arguments)).into_iter().map(|row| format!("{} {}", row[2], row[4])).collect()
    };
    assert_eq!(
        indexes(&["--index", "12..=13", "--kind", "append"]),
        ["append 12", "append 13", "append 12", "append 13"]
    );
    assert_eq!(indexes(&["--kind", "vote|commit"]), ["vote -", "vote -", "commit 15"]);
    assert_eq!(indexes(&["--kind", "bad"]), [""; 0]);
    let first = listing(&["--chunk", "0"]);
    assert_eq!(first.matches("chunk r-").count(), 1);
    assert_eq!(first, listing(&["--chunk", "r-00_000_000_000_000_000_000"]));
}

#[test]
fn the_first_and_the_last_records_are_selected() {
    let all = rows(&listing(&[]));
    assert_eq!(rows(&listing(&["-n", "3"])), all[..3]);
    assert_eq!(rows(&listing(&["--tail", "5"])), all[all.len() - 5..]);
    assert_eq!(rows(&listing(&["-n", "0"])).len(), 0);
    assert_eq!(rows(&listing(&["--tail", "0"])).len(), 0);
    let appends = rows(&listing(&["--kind", "append", "--tail", "2"]));
    assert_eq!(appends.iter().map(|row| row[4].as_str()).collect::<Vec<_>>(), ["20", "21"]);
}

#[test]
fn payloads_are_shown_as_asked() {
    let last = |mode: &str| {
        let listing = listing(&["--payload", mode, "--kind", "append", "--tail", "1"]);
        rows(&listing)[0][5..].join(" ")
    };
    assert_eq!(last("none"), "-");
    assert_eq!(last("len"), "14");
    assert_eq!(last("preview"), r#"14 "payload 21\u{1b}[2J""#);
    assert_eq!(last("text"), r#"14 "payload 21\u{1b}[2J""#);
    assert_eq!(last("hex"), "14 7061796c6f61642032311b5b324a");
}

#[test]
fn a_quiet_run_over_a_good_directory_says_nothing() {
    assert_eq!(listing(&["-q"]), "");
}
