//! The `parapolicy` program.

fn main() {}
