//! Help that lists names: from the lists that the names are read by.

use parapolicy_sampler::{Solver, Strategies};

/// What it is, and the samplers that there are.
pub fn samplers(what: &str) -> String {
    format!("{what}: {}, or `auto`, the fastest on this machine", quoted(Strategies::default().names()))
}

/// What it is, and the solvers that there are.
pub fn solvers(what: &str) -> String {
    format!("{what}: {}; `euler` and `midpoint` are for flow matching", quoted(Solver::names()))
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
