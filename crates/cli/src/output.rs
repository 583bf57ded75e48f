//! What a run leaves behind and prints: tables, plots, pages.

pub mod grid;
pub mod page;
pub mod plot;
pub mod staging;
pub mod table;
