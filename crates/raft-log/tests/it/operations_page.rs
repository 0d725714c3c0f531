//! `docs/operations.md`, its alerts and its dashboard name what is there, and the HTTP example serves all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use prometheus_parse::{Scrape, Value};
use raft_log::{MetricValue, RaftLogWriter, ScrubEvent, ScrubOptions, Stats};
use serde_json::Value as Json;

use crate::examples::metrics_http::{get, serve};
use crate::support::*;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn kind_of(value: &MetricValue<'_>) -> &'static str {
    match value {
        MetricValue::Counter(_) | MetricValue::Counters { .. } => "counter",
        MetricValue::Gauge(_) => "gauge",
        MetricValue::Histogram(_) => "histogram",
        _ => "something new",
    }
}

/// The metrics that there are: name and kind.
fn metrics() -> BTreeMap<String, String> {
    let stats = Stats::default();
    let metrics = stats.metrics();
    metrics.iter().map(|metric| (metric.name.to_owned(), kind_of(&metric.value).to_owned())).collect()
}

/// The rows of the page's table.
fn documented() -> BTreeMap<String, String> {
    let page = read("operations.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `raftlog_"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    cells.map(|cells| (format!("raftlog_{}", cells[0].trim_end_matches('`')), cells[1].to_owned())).collect()
}

/// Every name that begins as a metric's does, without what Prometheus adds to a histogram's.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    let names = words.filter(|word| word.starts_with("raftlog_"));
    let histogram = |name: &str| {
        let of = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        of.filter(|of| metrics().get(*of).is_some_and(|kind| kind == "histogram")).map(str::to_owned)
    };
    names.map(|name| histogram(name).unwrap_or_else(|| name.to_owned())).collect()
}

#[test]
fn the_table_has_every_metric_with_its_kind_and_no_other() {
    assert_eq!(documented(), metrics());
    let unknown: Vec<String> =
        named(&read("operations.md")).into_iter().filter(|name| !metrics().contains_key(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_scrape_is_read_by_a_parser_and_has_every_documented_metric() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = small();
    config.directory = directory.path().join("log");
    let mut log = Log::open(config).unwrap();
    log.append(entries(1, 0..45)).unwrap();
    log.sync().unwrap();
    log.commit(id(1, 40)).unwrap();
    log.purge(id(1, 3)).unwrap();
    log.truncate(Some(id(1, 42))).unwrap();
    log.append(entries(2, 43..50)).unwrap();
    log.sync().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let scrub = log.scrub(ScrubOptions::default(), move |event| drop(tell.send(event))).unwrap();
    let done = told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(done, ScrubEvent::Done { .. }), "{done:?}");
    drop(scrub);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reader = log.reader();
    let server = std::thread::spawn(move || serve(&listener, &reader, "a \"node\"", 1).unwrap());
    let (head, body) = get(address, "/metrics").unwrap();
    server.join().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"), "{head}");

    let scrape = Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let documented = documented();
    let mut found = BTreeMap::new();
    for sample in &scrape.samples {
        let of = ["_sum", "_count"].iter().find_map(|suffix| sample.metric.strip_suffix(suffix));
        if of.is_some_and(|of| documented.get(of).is_some_and(|kind| kind == "histogram")) {
            continue;
        }
        let kind = match &sample.value {
            Value::Counter(_) => "counter",
            Value::Gauge(_) => "gauge",
            Value::Histogram(buckets) => {
                assert!(buckets.windows(2).all(|pair| pair[0].count <= pair[1].count), "{sample:?}");
                assert!(buckets.last().unwrap().less_than.is_infinite(), "{sample:?}");
                "histogram"
            }
            other => panic!("{}: {other:?}", sample.metric),
        };
        assert!(sample.labels.get("log").is_some_and(|log| log.contains("node")), "{sample:?}");
        found.insert(sample.metric.clone(), kind.to_owned());
    }
    assert_eq!(found, documented);
    for name in documented.keys() {
        assert!(scrape.docs.contains_key(name), "{name} has no help");
    }
    let value =
        |name: &str| scrape.samples.iter().find(|sample| sample.metric == name).unwrap().value.clone();
    assert_eq!(value("raftlog_last_index"), Value::Gauge(49.0));
    assert_eq!(value("raftlog_durable_index"), Value::Gauge(49.0));
    assert_eq!(value("raftlog_appended_entries_total"), Value::Counter(52.0));
    assert_eq!(value("raftlog_purged_entries_total"), Value::Counter(4.0));
}

#[test]
fn every_alert_is_explained_and_asks_for_metrics_that_exist() {
    let (rules, page) = (read("operations/alerts.yml"), read("operations.md"));
    let mut alerts = 0;
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not explained");
        let value = |key: &str| {
            let line = rule.lines().find_map(|line| line.trim().strip_prefix(key));
            line.unwrap_or_else(|| panic!("{name} has no {key}")).trim().to_owned()
        };
        assert!(["critical", "warning", "info"].contains(&value("severity:").as_str()), "{name}");
        assert!(value("summary:").starts_with('"'), "{name}");
        let names = named(&value("expr:"));
        assert!(!names.is_empty() && names.iter().all(|name| metrics().contains_key(name)), "{names:?}");
        alerts += 1;
    }
    assert_eq!(page.matches("| `RaftLog").count(), alerts, "an alert is explained that is not there");
    assert!(alerts >= 10, "{alerts}");
}

#[test]
fn the_dashboard_is_json_and_asks_for_metrics_that_exist() {
    let dashboard: Json = serde_json::from_str(&read("operations/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 15, "{}", panels.len());
    let mut shown = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!title.is_empty() && !targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            let names = named(expression);
            assert!(!names.is_empty(), "{title}: {expression}");
            assert_eq!(expression.matches('(').count(), expression.matches(')').count(), "{expression}");
            shown.extend(names);
        }
    }
    let unknown: Vec<&String> = shown.iter().filter(|name| !metrics().contains_key(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let variable = dashboard["templating"]["list"][1]["query"]["query"].as_str().unwrap();
    assert!(named(variable).iter().all(|name| metrics().contains_key(name)), "{variable}");
}

/// A number of the tuning page, as it is written there.
fn number(cell: &str) -> u64 {
    let mebi = cell.strip_suffix(" MiB");
    let digits = mebi.unwrap_or(cell).replace(',', "");
    let number: u64 = digits.parse().unwrap_or_else(|error| panic!("{cell}: {error}"));
    if mebi.is_some() { number << 20 } else { number }
}

#[test]
fn the_tuning_page_has_every_setting_with_its_default() {
    let page = read("tuning.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented: BTreeMap<String, String> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`').to_owned();
            (name, cells.next().unwrap().trim_matches('`').to_owned())
        })
        .collect();
    let config = raft_log::Config::new("unused");
    let chunk = &config.chunk;
    let mut take = |name: &str| documented.remove(name).unwrap_or_else(|| panic!("no row for {name}"));
    assert_eq!(take("directory"), "none");
    assert_eq!(take("must_exist"), config.must_exist.to_string());
    assert_eq!(take("truncate_incomplete_record"), config.truncate_incomplete_record.to_string());
    assert_eq!(take("full_check"), config.full_check.to_string());
    for (name, value) in [
        ("log_cache_max_items", config.log_cache_max_items as u64),
        ("log_cache_capacity", config.log_cache_capacity as u64),
        ("read_buffer_size", config.read_buffer_size as u64),
        ("chunk.max_records", chunk.max_records),
        ("chunk.max_size", chunk.max_size),
        ("chunk.space_step", chunk.space_step),
        ("chunk.spares", chunk.spares as u64),
        ("max_unsynced_bytes", config.max_unsynced_bytes),
        ("flush_delay_micros", config.flush_delay_micros),
        ("slow_sync_millis", config.slow_sync_millis),
    ] {
        assert_eq!(number(&take(name)), value, "{name}");
    }
    assert!(documented.is_empty(), "no settings of today: {documented:?}");
    // A field that is added has no row above: count them where they stand.
    let source = include_str!("../../src/config.rs");
    let fields = source.split("pub struct ").skip(1).take(2).map(|body| body.split("\n}").next().unwrap());
    let fields = fields.map(|body| body.matches("\n    pub ").count()).sum::<usize>();
    assert_eq!(fields, 15, "14 settings, and `chunk` itself");
}

#[test]
fn the_other_pages_name_metrics_that_exist() {
    for page in ["tuning.md", "concepts.md", "upgrade.md", "glossary.md", "README.md"] {
        let unknown: Vec<String> =
            named(&read(page)).into_iter().filter(|name| !metrics().contains_key(name)).collect();
        assert!(unknown.is_empty(), "{page}: {unknown:?}");
    }
}

#[test]
fn what_the_page_names_in_the_code_and_in_the_tool_is_there() {
    let page = read("operations.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = |directory: &str| {
        let mut text = String::new();
        let mut directories = vec![root.join(directory)];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    text.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        text
    };
    let code = sources("src") + &sources("../raft-log-chunk/src");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = code.split(|c: char| !is_word(c)).collect();

    // Outside of blocks: `Type`, `Type::name`, `name_with_parts`; and what is said to `tracing`, as it stands there.
    let mut prose = String::new();
    page.split("```").step_by(2).for_each(|part| prose.push_str(part));
    let mut checked = 0;
    for quoted in prose.split('`').skip(1).step_by(2) {
        let is_alert = quoted.starts_with("RaftLog") && page.contains(&format!("| `{quoted}` |"));
        if quoted.starts_with("raftlog_") || is_alert || quoted.starts_with("raft-log-dump ") {
            continue;
        }
        if quoted.starts_with(|c: char| c.is_ascii_lowercase()) && quoted.split(' ').count() > 2 {
            assert!(code.contains(&format!("\"{quoted}\"")), "nothing says {quoted:?}");
            checked += 1;
        } else if quoted.contains("::") || quoted.contains('_') || quoted.starts_with(char::is_uppercase) {
            if quoted.contains([' ', '/', '-', '(']) {
                continue;
            }
            for part in quoted.split("::").flat_map(|part| part.split('.')) {
                let is_example = root.join("examples").join(part).with_extension("rs").exists();
                assert!(words.contains(part) || is_example, "{part} of `{quoted}` is not there");
            }
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked}");

    let tool = read("tool.md");
    let mut commands = 0;
    for command in page.split("raft-log-dump ").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
        assert!(tool.contains(&format!("`{command}")), "the tool has no {command}");
        commands += 1;
    }
    assert!(commands >= 5, "{commands}");
}
