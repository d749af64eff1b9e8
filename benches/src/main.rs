//! Benchmarks, side by side.
fn main() {}
