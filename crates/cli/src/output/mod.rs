//! What a run leaves behind and prints: table, CSV, plot, animation.

pub mod animation;
pub mod episodes;
pub mod plot;
pub mod staging;
pub mod table;
