//! Pages that open anywhere, without a network: the report's is `parapolicy_report`'s.

pub mod comparison;
pub mod modes;
pub mod study;
pub mod tune;

pub use parapolicy_report::page::*;
