//! Frames: encoding an entry into a group, and reading it again.
#![allow(missing_docs, reason = "the macro makes a function without")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raft_log_chunk::{ChunkHeader, ChunkId, Space};
use raft_log_codec::{Frame, PlainTypes, Record, TermIndex, push_frame};

fn frames(criterion: &mut Criterion) {
    let header =
        ChunkHeader { log_id: 1, chunk_id: ChunkId::new(0), salt: 2, previous_salt: 0, space: Space::Fresh };
    let seed = header.seed();
    for size in [64_usize, 256, 4096] {
        let record: Record<PlainTypes> = Record::Append(TermIndex::new(1, 7), vec![0x5a; size].into());
        let mut frame = Vec::new();
        push_frame(&mut frame, seed, 0, &record).expect("it is small");
        let frame = Bytes::from(frame);
        let mut group = criterion.benchmark_group(format!("frame of {size} bytes"));
        group.throughput(Throughput::Bytes(size as u64));
        let mut out = Vec::with_capacity(1 << 20);
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                if out.len() > 1 << 19 {
                    out.clear();
                }
                push_frame(&mut out, seed, 0, black_box(&record))
            });
        });
        group.bench_function("parse", |bencher| bencher.iter(|| Frame::parse(black_box(&frame), seed, 0)));
        group.finish();
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
