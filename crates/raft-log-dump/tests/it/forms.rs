//! The forms of output, and the flags that go with them.

use std::process::Output;

use raft_log::{RaftLog, RaftLogWriter};
use serde_json::{Map, Value};

use crate::support::*;

fn over_closed(arguments: &[&str]) -> Output {
    let (closed, _) = closed_and_killed();
    dump(directory(&closed).path(), arguments)
}

fn objects(output: &Output) -> Vec<Map<String, Value>> {
    let parse = |line: &str| match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        other => panic!("{other:?}: {line}"),
    };
    text(&output.stdout).lines().map(parse).collect()
}

/// The fields that `docs/tool.md` lists.
fn documented_fields() -> Vec<String> {
    let page = std::fs::read_to_string("../../docs/tool.md").unwrap();
    let table = page.split("## The objects of `dump -o json`").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

#[test]
fn json_is_one_object_a_line_of_documented_fields() {
    let (mut files, killed) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 3").unwrap();
    bytes[at] ^= 1;
    let at = bytes.windows(9).position(|window| window == b"payload 6").unwrap();
    bytes[at - 20] ^= 1;
    files.insert("r-1.wal".to_owned(), Vec::new());
    let documented = documented_fields();
    let mut kinds = Vec::new();
    let mut used = Vec::new();
    for files in [files, killed] {
        for object in objects(&dump(directory(&files).path(), &["-o", "json", "--payload", "base64"])) {
            assert_eq!(object["v"], 1, "{object:?}");
            for name in object.keys() {
                assert!(documented.contains(name), "{name} is not documented: {object:?}");
                used.push(name.clone());
            }
            kinds.push(object["type"].as_str().unwrap().to_owned());
        }
    }
    for kind in ["durable", "chunk", "record", "gap", "footer", "tail", "odd-name", "end"] {
        assert!(kinds.contains(&kind.to_owned()), "{kind}");
    }
    for field in ["fault", "expected", "found", "next_offset", "data", "term", "index", "durable_end"] {
        assert!(used.contains(&field.to_owned()), "{field}");
    }
}

#[test]
fn json_has_what_the_listing_for_people_has() {
    let appends = objects(&over_closed(&["-o", "json", "--kind", "append", "--payload", "text"]));
    assert_eq!(appends.len(), 24);
    assert_eq!(appends[3]["data"], r#""payload 3\u{1b}[2J""#);
    assert_eq!(
        (&appends[3]["term"], &appends[3]["index"], &appends[3]["len"]),
        (&1.into(), &3.into(), &13.into())
    );
    let hidden = objects(&over_closed(&["-o", "json", "--kind", "append", "--payload", "none"]));
    assert!(hidden.iter().all(|object| !object.contains_key("data") && !object.contains_key("len")));
    let sizes = objects(&over_closed(&["-o", "json", "--kind", "append", "--payload", "len"]));
    assert!(sizes.iter().all(|object| !object.contains_key("data") && object.contains_key("len")));
}

#[test]
fn fields_are_chosen_in_every_form() {
    let json = text(
        &over_closed(&["-o", "json", "--kind", "append", "-n", "1", "--fields", "index,term,rest"]).stdout,
    );
    assert_eq!(json, "{\"index\":0,\"term\":1,\"rest\":null}\n");
    let csv =
        text(&over_closed(&["-o", "csv", "--kind", "append", "-n", "2", "--fields", "index,kind"]).stdout);
    assert_eq!(csv, "index,kind\n0,append\n1,append\n");
    let table = text(&over_closed(&["--kind", "append", "-n", "1", "--fields", "term,index,data"]).stdout);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["TERM", "INDEX", "DATA"]);
    assert!(lines[1].ends_with(r#""payload 0\u{1b}[2J""#), "{table}");
    assert_eq!(
        lines[0].find("INDEX").unwrap() + 5,
        lines[1].find('0').unwrap() + 1,
        "numbers are aligned: {table}"
    );
    let unknown = over_closed(&["--fields", "colour"]);
    assert_eq!(code(&unknown), 2, "{unknown:?}");
    assert!(text(&unknown.stderr).contains("there are v, type,"), "{unknown:?}");
}

#[test]
fn csv_quotes_what_must_be_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    log.append([(id(1, 1), "a,b \"c\"\nd".into())]).unwrap();
    log.sync().unwrap();
    drop(log);
    let output = dump(directory.path(), &["-o", "csv", "--kind", "append", "--fields", "data,index"]);
    assert_eq!(text(&output.stdout), "data,index\n\"\"\"a,b \\\"\"c\\\"\"\\nd\"\"\",1\n");
}

#[test]
fn the_newest_come_first_where_that_is_asked_for() {
    let indexes = |arguments: &[&str]| -> Vec<u64> {
        let mut all = vec!["-o", "json", "--kind", "append"];
        all.extend(arguments);
        objects(&over_closed(&all)).iter().map(|object| object["index"].as_u64().unwrap()).collect()
    };
    let forward = indexes(&[]);
    let mut reversed = forward.clone();
    reversed.reverse();
    assert_eq!(indexes(&["-r"]), reversed);
    assert_eq!(indexes(&["-r", "-n", "3"]), reversed[..3]);
    assert_eq!(indexes(&["-r", "--tail", "3"]), reversed[..3]);
    assert_eq!(indexes(&["--tail", "3"]), forward[forward.len() - 3..]);
    let shown = text(&over_closed(&["-r", "--kind", "append"]).stdout);
    let rows: Vec<&str> = shown.lines().filter(|line| line.contains("  append  ")).collect();
    assert_eq!(rows.len(), 24);
    assert!(rows[0].contains(" 21 ") && rows[23].contains(" 0 "), "{shown}");
    assert_eq!(code(&over_closed(&["-r", "-f"])), 2);
}

#[test]
fn records_are_chosen_by_term() {
    let rows = objects(&over_closed(&["-o", "json", "--kind", "append", "--term", "2"]));
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row["term"] == 2));
    assert_eq!(objects(&over_closed(&["-o", "json", "--kind", "append", "--term", "..2"])).len(), 14);
}

#[test]
fn the_logical_view_has_what_is_alive_and_nothing_else() {
    let rows = objects(&over_closed(&["-o", "json", "--logical", "--fields", "type,term,index"]));
    let rows: Vec<_> = rows.iter().filter(|row| row["type"] == "record").collect();
    let found: Vec<(u64, u64)> =
        rows.iter().map(|row| (row["term"].as_u64().unwrap(), row["index"].as_u64().unwrap())).collect();
    let expected: Vec<(u64, u64)> =
        (0..12).map(|index| (1, index)).chain((12..22).map(|index| (2, index))).collect();
    assert_eq!(found, expected);
    let some = text(&over_closed(&["--logical", "--index", "11..=12", "-r"]).stdout);
    let some: Vec<&str> = some.lines().filter(|line| line.contains("  append  ")).collect();
    assert_eq!(some.len(), 2, "{some:?}");
    assert!(some[0].contains("payload 12") && some[1].contains("payload 11"), "{some:?}");
}

#[test]
fn the_logical_view_of_a_refused_directory_has_what_can_be_read() {
    let (mut files, _) = closed_and_killed();
    let name = files.keys().find(|name| name.ends_with(".wal")).unwrap().clone();
    let bytes = files.get_mut(&name).unwrap();
    let at = bytes.windows(9).position(|window| window == b"payload 6").unwrap();
    bytes[at - 20] ^= 1;
    // Without its footer the damage is met.
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[used - 150..].fill(0);
    let output = dump(directory(&files).path(), &["--logical", "-o", "json"]);
    assert_eq!(code(&output), 3, "{output:?}");
    let found = objects(&output).iter().filter(|row| row["type"] == "record").count();
    assert!(found >= 20, "{found}: {output:?}");
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let (closed, _) = closed_and_killed();
    let directory = directory(&closed);
    let plain = dump(directory.path(), &[]);
    assert!(!text(&plain.stdout).contains('\u{1b}'), "a pipe is no terminal");
    let colored = text(&dump(directory.path(), &["--color", "always"]).stdout);
    assert!(colored.contains("\u{1b}[1mchunk"), "{colored}");
    let mut without = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        without.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    without.push_str(rest);
    assert_eq!(without, text(&plain.stdout), "colour changes nothing else");
    let never = dump(directory.path(), &["--color", "never"]);
    assert_eq!(never.stdout, plain.stdout);
    let json = dump(directory.path(), &["--color", "always", "-o", "json"]);
    assert!(!text(&json.stdout).contains('\u{1b}'), "JSON has no colour");
    for arguments in [&["verify"][..], &["info"], &["stats"]] {
        let mut all = arguments.to_vec();
        all.extend(["--color", "always"]);
        assert!(text(&run(&all, &[directory.path()]).stdout).contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn the_bytes_of_a_record_are_shown_field_by_field() {
    let shown = text(&over_closed(&["-x", "--index", "3", "--kind", "append"]).stdout);
    for part in [
        "head checksum",
        "body checksum",
        "kind 2: append",
        "term 1",
        "index 3",
        "|payload 3.[2J|",
        "padding",
    ] {
        assert!(shown.contains(part) || part.starts_with('|'), "{part}: {shown}");
    }
    assert!(shown.contains("70 61 79 6c 6f 61 64 20 33 1b 5b 32 4a"), "{shown}");
    let hidden = text(&over_closed(&["-x", "--index", "3", "--kind", "append", "--payload", "none"]).stdout);
    assert!(!hidden.contains("70 61 79"), "{hidden}");
    assert!(hidden.contains("13 more bytes of payload"), "{hidden}");
    assert_eq!(code(&over_closed(&["-x", "-o", "json"])), 2);
}

#[test]
fn a_large_payload_is_cut_in_bytes_unless_all_of_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = RaftLog::open(small(directory.path())).unwrap();
    log.append([(id(1, 1), vec![0x41; 1000].into())]).unwrap();
    log.sync().unwrap();
    drop(log);
    let lines =
        |arguments: &[&str]| text(&dump(directory.path(), arguments).stdout).matches("41 41 41").count();
    let short = text(&dump(directory.path(), &["-x", "--kind", "append"]).stdout);
    assert!(short.contains("936 more bytes of payload"), "{short}");
    assert!(lines(&["-x", "--kind", "append", "--payload", "hex"]) > lines(&["-x", "--kind", "append"]) * 4);
}

#[test]
fn a_decoder_says_what_payloads_mean() {
    let decoder =
        r#"while read line; do echo "$line" | base64 -d | tr -d '\033' | sed 's/^/decoded /'; echo; done"#;
    let output = over_closed(&["--decoder", decoder, "--kind", "append", "-n", "3"]);
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(text(&output.stdout).contains("13  decoded payload 0[2J"), "{output:?}");
    let json = over_closed(&["--decoder", "cat", "--kind", "append", "-n", "1", "-o", "json"]);
    assert_eq!(objects(&json)[0]["data"], "cGF5bG9hZCAwG1sySg==");
}

#[test]
fn a_decoder_that_dies_ends_the_run_with_a_message() {
    for decoder in ["true", "read line; echo one; exit 3", "/nowhere/to/be/found", "kill -9 $$"] {
        let output = over_closed(&["--decoder", decoder, "--kind", "append"]);
        assert_eq!(code(&output), 4, "{decoder}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("the decoder") && said.contains("failed"), "{decoder}: {said}");
    }
    assert_eq!(code(&over_closed(&["--decoder", "cat", "--payload", "hex"])), 2);
}

#[test]
fn base64_is_a_way_to_show_payloads() {
    let shown = text(&over_closed(&["--payload", "base64", "--kind", "append", "-n", "1"]).stdout);
    assert!(shown.contains("13  cGF5bG9hZCAwG1sySg=="), "{shown}");
}
