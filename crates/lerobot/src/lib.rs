//! Demonstrations of `PushT`, and episodes of any robot, as datasets of LeRobot, version 3 (<https://github.com/huggingface/lerobot>): Parquet tables
//! and JSON in a folder.
//!
//! # Example
//!
//! ```
//! use nalgebra::Vector2;
//! use parapolicy_lerobot::export;
//! use parapolicy_pusht::{Demonstration, DemonstrationStep, State};
//!
//! let state = State::from_array([256.0, 400.0, 256.0, 300.0, 0.0]);
//! let step = DemonstrationStep::new(state, Vector2::zeros(), [256.0, 390.0], 0.3);
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("dataset");
//! let exported = export(&[Demonstration { seed: Some(7), steps: vec![step] }], None, &path)?;
//! assert_eq!((exported.episodes, exported.frames), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dataset;
mod episode;
mod meta;
mod parquet_table;
mod recorded;
mod statistics;

pub use dataset::{ExportError, Exported, export, export_unless};
pub use parquet_table::{Column, Values};
pub use recorded::{Head, RecordedEpisode, write_dataset};
