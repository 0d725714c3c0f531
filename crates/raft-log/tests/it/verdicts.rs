//! Every row of the recovery table, from real directories: what is found, and the exact answer with its fields.
//!
//! The directories are made by a log and then changed with the codec, so that checksums are good wherever damage is
//! not what is tried.

mod corrupt;
mod damaged_records;
mod end;
mod made;
mod missing;
mod not_understood;
mod odd_types;
