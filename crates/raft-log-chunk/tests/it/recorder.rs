//! Which calls change something or look at links, in their order: for tests about the order in which things are done.

use std::sync::{Arc, Mutex};

use raft_log_chunk::{Storage, is_temporary_file_name};
use raft_log_testkit::{Call, WatchedStorage};

/// The calls since the last look, each with the name that its file has then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The storage, with its calls noted from now on.
pub(crate) fn recorded(inner: impl Storage) -> (WatchedStorage, Calls) {
    let storage = WatchedStorage::new(inner);
    let calls = Calls::default();
    let noted = calls.clone();
    storage.watch(move |call| noted.0.lock().unwrap().extend(told(call)));
    (storage, calls)
}

fn told(call: &Call<'_>) -> Option<String> {
    let of = |what: &str, name: &str| {
        let name = if is_temporary_file_name(name) { "prepared" } else { name };
        Some(format!("{what} {name}"))
    };
    match call {
        Call::Create(_) | Call::Read(_) => None,
        Call::Rename(_, to) => Some(format!("rename to {to}")),
        Call::Remove(name) => Some(format!("remove {name}")),
        Call::SyncDirectory => Some("sync the directory".to_owned()),
        Call::Links(name) => of("links", name),
        Call::Write(name, ..) => of("write", name),
        Call::Truncate(name) => of("truncate", name),
        Call::Sync(name) => of("sync", name),
    }
}
