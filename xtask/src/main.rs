//! `cargo xtask`: the front door for developers and operators.
fn main() {}
