//! The replay: a stored log comes back to its state, and what contradicts the records before it is said.

mod footers;
mod log;
mod records;
mod states;
