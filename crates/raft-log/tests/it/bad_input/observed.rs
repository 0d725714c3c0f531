//! What a person sees: an error with its causes, and the files of a directory.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

/// An error and all its causes, as a person reads them.
pub(super) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// The files of a real directory; what is no file, by its kind.
pub(super) fn look(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let bytes = match entry.file_type().unwrap() {
                kind if kind.is_file() => fs::read(entry.path()).unwrap(),
                kind => format!("{kind:?}").into_bytes(),
            };
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}
