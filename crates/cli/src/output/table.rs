//! Tables on the terminal: those of a run, and the program's others.

mod adoption;
mod bench;
mod calibration;
pub mod comparison;
mod demos;
pub mod modes;
mod runtime;
pub mod study;
pub mod tuned;

pub use parapolicy_report::table::*;

pub use adoption::render_adoption;
pub use bench::render_bench;
pub use calibration::render_calibration;
pub use comparison::render_comparison;
pub use demos::render_demonstrations;
pub use runtime::render_installable;
pub use study::render_study;
pub use tuned::render_tuned;
