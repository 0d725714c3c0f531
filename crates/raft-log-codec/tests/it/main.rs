//! The promises of the codec: its bytes stay what they are, whatever was written is read, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it stands"
)]

mod any_bytes;
mod by_hand;
mod damage;
mod encoders;
mod golden;
mod limits;
mod own_types;
mod round_trip;
mod samples;
