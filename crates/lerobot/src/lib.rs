//! `PushT` demonstrations as datasets of LeRobot, version 3 (<https://github.com/huggingface/lerobot>): Parquet tables
//! and JSON in a folder.

mod dataset;
mod episode;
mod meta;
mod statistics;
mod table;

pub use dataset::{ExportError, Exported, export};
