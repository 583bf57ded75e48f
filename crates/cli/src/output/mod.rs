//! What a run leaves behind and prints: table, CSV, plot, page, animation.

pub mod animation;
pub mod episodes;
pub mod page;
pub mod plot;
pub mod staging;
pub mod table;
