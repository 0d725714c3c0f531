//! What must hold whatever bytes are found: one plain function for each way in, which fuzzers and tests call alike.
//!
//! | function | the bytes are taken for |
//! |---|---|
//! | [`decode`] | one stored thing: a record, a state, a frame, a header, a footer, a slot of `DURABLE` |
//! | [`scan`] | the chunk files of a directory, each of which is scanned for frames |
//! | [`open`] | a directory that is opened, read, written to and opened again |
//! | [`look`] | a directory that a tool looks at |
//!
//! What always holds: a function returns if all is well and panics if not, and the same bytes always lead to the same
//! work. Bytes at random would end at the first checksum, so a directory is put together as the bytes say, with good
//! checksums, and then damaged as they say: [`AnyDirectory`].

mod decode;
mod directory;
mod forge;
mod input;
mod open;
mod scan;
mod writer;

pub use decode::decode;
pub use directory::{AnyDirectory, DirectoryScript};
pub use open::{look, open};
pub use scan::scan;

/// Does the work with a watch on the memory: no more than so many bytes, beyond what was there before, may be taken at
/// any moment of it.
///
/// Which allocator counts them is for the program to choose; [`unwatched`] is for those that have none.
pub type Watch<'a> = &'a dyn Fn(u64, &mut dyn FnMut());

/// Does the work without a watch on the memory.
pub fn unwatched(_: u64, work: &mut dyn FnMut()) {
    work();
}

/// Does the work and gives what it comes to.
fn watched<R>(watch: Watch<'_>, bytes_max: u64, work: impl FnOnce() -> R) -> R {
    let mut work = Some(work);
    let mut outcome = None;
    watch(bytes_max, &mut || outcome = work.take().map(|work| work()));
    outcome.expect("a watch does the work, once")
}

/// An error and its causes: writing them out must not fail either.
fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += ": ";
        text += &error.to_string();
        source = error.source();
    }
    text
}
