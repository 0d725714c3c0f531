//! The promises about an open file: reading, writing, truncating, syncing, and its size and links.
//!
//! Names and locks are checked in the modules beside this one.

use std::io::ErrorKind;
use std::sync::Arc;

use raft_log_chunk::{Storage, StorageFile, read_full_at, write_all_at};

use super::{Outcome, Promise, content, content_of, create_with, ensure, expect, expect_error, write};

pub(super) const PROMISES: &[Promise] = &[
    ("a created file is empty", created_file_is_empty),
    ("what was written is read", written_is_read),
    ("writing in the middle leaves the rest alone", overwriting_leaves_the_rest),
    ("writing behind the end fills the gap with zeros", gap_is_zeros),
    ("a read ends at the end of the file, and only there", read_ends_at_the_end),
    ("an empty read and an empty write do nothing", empty_calls_do_nothing),
    ("all handles of a file see the same bytes at once", handles_agree),
    ("a handle for reading changes nothing", read_handle_changes_nothing),
    ("truncating cuts the end off, for good", truncating_cuts),
    ("truncating never makes a file longer", truncating_never_grows),
    ("syncing and dropping the cache lose nothing", syncing_loses_nothing),
    ("the links are the names of the file", links_are_names),
    ("several threads can use one handle at once", threads_share_a_handle),
    ("a wild offset is an error or the end, and changes nothing", wild_offset_is_harmless),
];

fn created_file_is_empty(storage: &dyn Storage) -> Outcome {
    let file = storage.create("a")?;
    expect("bytes", content(&*file)?, vec![])
}

fn written_is_read(storage: &dyn Storage) -> Outcome {
    let bytes: Vec<u8> = (0..10_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let file = create_with(storage, "a", &bytes)?;
    expect("size", file.size()?, 10_000)?;
    ensure(content(&*file)? == bytes, "other bytes through the handle that wrote")?;
    ensure(content_of(storage, "a")? == bytes, "other bytes through a new handle")?;
    let mut part = [0; 100];
    expect("bytes in the middle", read_full_at(&*file, &mut part, 4_050)?, 100)?;
    expect("part", part.as_slice(), &bytes[4_050..4_150])
}

fn overwriting_leaves_the_rest(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"0123456789")?;
    let file = storage.open_writable("a")?;
    write(&*file, b"abc", 4)?;
    expect("bytes", content(&*file)?, b"0123abc789".to_vec())
}

fn gap_is_zeros(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"x")?;
    write(&*file, b"y", 5_000)?;
    let mut expected = vec![0; 5_001];
    expected[0] = b'x';
    expected[5_000] = b'y';
    ensure(content(&*file)? == expected, "something else than zeros between the two writes")
}

fn read_ends_at_the_end(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"0123456789")?;
    let mut buffer = [0; 8];
    expect("bytes across the end", read_full_at(&*file, &mut buffer, 6)?, 4)?;
    expect("what they are", &buffer[..4], b"6789".as_slice())?;
    expect("bytes at the end", file.read_at(&mut buffer, 10)?, 0)?;
    expect("bytes behind the end", file.read_at(&mut buffer, 1_000_000)?, 0)?;
    ensure(file.read_at(&mut buffer, 9)? == 1, "not one byte before the end")
}

fn empty_calls_do_nothing(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"0123456789")?;
    expect("bytes read", file.read_at(&mut [], 3)?, 0)?;
    expect("bytes written", file.write_at(&[], 3)?, 0)?;
    expect("bytes written behind the end", file.write_at(&[], 100)?, 0)?;
    expect("bytes", content(&*file)?, b"0123456789".to_vec())
}

fn handles_agree(storage: &dyn Storage) -> Outcome {
    let first = create_with(storage, "a", b"one")?;
    let second = storage.open_writable("a")?;
    let reader = storage.open("a")?;
    write(&*second, b"three", 0)?;
    for file in [&first, &second, &reader] {
        expect("bytes", content(&**file)?, b"three".to_vec())?;
    }
    first.truncate(2)?;
    for file in [&first, &second, &reader] {
        expect("bytes after truncating", content(&**file)?, b"th".to_vec())?;
    }
    Ok(())
}

fn read_handle_changes_nothing(storage: &dyn Storage) -> Outcome {
    create_with(storage, "a", b"kept")?;
    let file = storage.open("a")?;
    ensure(file.write_at(b"lost", 0).is_err(), "wrote through a handle for reading")?;
    ensure(file.truncate(1).is_err(), "truncated through a handle for reading")?;
    expect("bytes", content_of(storage, "a")?, b"kept".to_vec())?;
    // Recovery syncs what it trusts, through whatever handle it has.
    Ok(file.sync()?)
}

fn truncating_cuts(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"0123456789")?;
    file.truncate(4)?;
    expect("bytes", content(&*file)?, b"0123".to_vec())?;
    file.truncate(4)?;
    expect("bytes after doing it again", content(&*file)?, b"0123".to_vec())?;
    write(&*file, b"x", 7)?;
    expect("bytes after writing behind", content(&*file)?, b"0123\0\0\0x".to_vec())?;
    file.truncate(0)?;
    expect("bytes after cutting all", content(&*file)?, vec![])
}

fn truncating_never_grows(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"0123")?;
    expect_error("truncate", file.truncate(5), ErrorKind::InvalidInput)?;
    expect("bytes", content(&*file)?, b"0123".to_vec())
}

fn syncing_loses_nothing(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"synced")?;
    file.sync()?;
    write(&*file, b" and not", 6)?;
    file.drop_cache()?;
    expect("bytes", content_of(storage, "a")?, b"synced and not".to_vec())?;
    file.sync()?;
    file.drop_cache()?;
    expect("bytes after another sync", content_of(storage, "a")?, b"synced and not".to_vec())
}

fn links_are_names(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"a")?;
    expect("links", file.links()?, 1)?;
    let replaced = create_with(storage, "b", b"b")?;
    storage.rename("a", "b")?;
    expect("links of a renamed file", file.links()?, 1)?;
    expect("links of a replaced file", replaced.links()?, 0)?;
    storage.remove("b")?;
    expect("links of a removed file", file.links()?, 0)
}

fn threads_share_a_handle(storage: &dyn Storage) -> Outcome {
    const THREADS: u8 = 4;
    const PART: usize = 4_096;
    let file = storage.create("a")?;
    let parts = |file: &Arc<dyn StorageFile>, number: u8| -> std::io::Result<bool> {
        let mine = [number + 1; PART];
        let offset = u64::from(number) * PART as u64;
        for part in mine.chunks(256).zip((offset..).step_by(256)) {
            write_all_at(&**file, part.0, part.1).map_err(|(_, error)| error)?;
        }
        let mut found = [0; PART];
        let count = read_full_at(&**file, &mut found, offset)?;
        Ok(count == PART && found == mine)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let file = &file;
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || parts(file, number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that does not panic")).collect()
    });
    for result in results {
        ensure(result?, "a thread does not read what it wrote")?;
    }
    expect("size", file.size()?, u64::from(THREADS) * PART as u64)
}

fn wild_offset_is_harmless(storage: &dyn Storage) -> Outcome {
    let file = create_with(storage, "a", b"kept")?;
    for offset in [u64::MAX, u64::MAX - 1, 1 << 63] {
        ensure(file.write_at(b"lost", offset).is_err(), "wrote at a wild offset")?;
        let read = file.read_at(&mut [0; 4], offset);
        ensure(matches!(read, Ok(0) | Err(_)), "read something at a wild offset")?;
    }
    expect("bytes", content(&*file)?, b"kept".to_vec())
}
