//! The `PushT` task: an agent pushes a T-shaped block onto its goal. Simulator, observations, reward, resets, frames.
//!
//! | type | use |
//! |---|---|
//! | [`World`] | the table: an agent that follows its target, and a block that it pushes |
//! | [`Scenario`], [`Task`] | what an episode is, and playing it |
//! | [`VectorWorld`], [`parallel`] | many tasks at once, on every core |
//! | [`Renderer`] | frames, and images as policies see them |
//! | [`Demonstration`], [`Trace`] | episodes driven by a person, and episodes recorded with gym-pusht |
//!
//! Every rule and constant is gym-pusht's (0.1.8, on pymunk 6); where shapes touch is found by rapier2d. With the feature
//! `environment` the task is an environment of policies, `PushT`, on a list of environments as `PUSHT`; without it the
//! crate knows no policy.
//!
//! # Example
//!
//! ```
//! use parapolicy_pusht::{Scenario, Task};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sims/nominal.toml");
//! let mut task = Task::new(Scenario::load(path.as_ref())?);
//! let start = task.reset(100_000);
//! let transition = task.step([start.agent.x + 50.0, start.agent.y])?; // the agent's target, in pixels
//! assert!(transition.observation.agent.x > start.agent.x);
//! assert!((0.0..=1.0).contains(&transition.outcome.reward));
//! assert_eq!(transition.observation.keypoints().len(), 20); // what a low-dimensional Diffusion Policy sees
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod agent;
mod contacts;
mod coverage;
mod demonstration;
#[cfg(feature = "environment")]
mod environment;
pub mod geometry;
mod keep_out;
mod numpy;
pub mod parallel;
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
