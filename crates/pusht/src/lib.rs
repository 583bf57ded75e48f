//! The PushT task: simulator, observations, reward, resets, frames.

mod contacts;
mod coverage;
pub mod geometry;
mod state;
mod world;

pub use coverage::coverage;
pub use state::State;
pub use world::{Kick, Outcome, SUCCESS_COVERAGE, Snapshot, World, WorldError};
