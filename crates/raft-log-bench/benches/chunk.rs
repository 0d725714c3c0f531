//! Chunks: surveying a directory of a hundred thousand entries, with footers and without.
#![allow(missing_docs, reason = "the macro makes a function without")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raft_log::{PlainTypes, RaftLog, RaftLogWriter, TermIndex};
use raft_log_chunk::{DirectoryStorage, SurveyOptions, recover};
use raft_log_state::RaftLogSM;

const ENTRIES: u64 = 100_000;

fn recovery(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let mut log = RaftLog::open(directory.path()).expect("an empty directory");
    let payload = Bytes::from(vec![0x5a; 256]);
    log.append((1..=ENTRIES).map(|index| (TermIndex::new(1, index), payload.clone()))).expect("room");
    log.close().expect("room");
    drop(log);

    let storage = DirectoryStorage::open(directory.path()).expect("it is there");
    let mut group = criterion.benchmark_group("recovery of 100,000 entries");
    group.throughput(Throughput::Elements(ENTRIES)).sample_size(20);
    for (name, use_footers) in [("with footers", true), ("every record", false)] {
        let options = SurveyOptions { use_footers, ..SurveyOptions::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| recover::<RaftLogSM<PlainTypes>>(&storage, &options).expect("a whole log"));
        });
    }
    group.finish();
}

criterion_group!(benches, recovery);
criterion_main!(benches);
