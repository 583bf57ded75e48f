//! The `PushT` task: an agent pushes a T-shaped block onto its goal. Simulator, observations, reward, resets, frames.

pub mod agent;
mod contacts;
mod coverage;
mod demonstration;
#[cfg(feature = "environment")]
mod environment;
pub mod geometry;
mod keep_out;
mod numpy;
mod render;
mod replay;
mod reset;
mod scenario;
mod shoves;
mod state;
mod task;
mod trace;
mod vector;
mod world;

pub use coverage::coverage;
pub use demonstration::{Demonstration, DemonstrationStep, SaveError};
#[cfg(feature = "environment")]
pub use environment::{PERIOD, PUSHT, PushT, PushTError, PushTScene};
pub use keep_out::KeepOut;
pub use render::{Frame, FrameSizeError, OBSERVATION_SIZE, Overlay, Renderer};
pub use replay::{Quantiles, ReplayErrors, ReplayReport, replay};
pub use reset::{ResetDistribution, ResetOrder};
pub use scenario::{ObservationNoise, Reset, Scenario, ScenarioError, TimedKick};
pub use shoves::RandomKicks;
pub use state::State;
pub use task::{Task, Transition};
pub use trace::{Trace, TraceError};
pub use vector::{VectorError, VectorWorld};
pub use world::{Kick, Outcome, SUCCESS_COVERAGE, Snapshot, World, WorldError};
