//! What is handed to a log and must not be: directories, files, settings, ids, sizes, encoders. Each is refused with a
//! typed error that says what and where, and nothing is written.

mod directories;
mod encoders;
mod observed;
mod operations;
mod settings;
