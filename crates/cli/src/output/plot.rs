//! Plots, as SVG: those of a run, and the program's others.

pub mod anytime;
pub mod study;
pub mod tune;

pub use parapolicy_report::plot::*;
