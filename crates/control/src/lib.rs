//! A policy in a control loop, on a robot or in a simulator.
//!
//! A loop uses two small traits, [`Policy`] and [`Environment`]. [`DiffusionPolicy`] is the first, a network of
//! `parapolicy-policy` sampled by a strategy of `parapolicy-sampler`; a robot or a simulator implements the second.
//!
//! - [`controller`]: plans sampled in a worker thread, while the control loop never waits for them;
//! - [`entries`]: observations whose entries have times and rates of their own;
//! - [`playback`]: how plans become commands;
//! - [`check`]: what plans must keep before any of them is sent;
//! - [`clock`]: the wall clock, and a virtual one;
//! - [`refine`]: plans that keep limits;
//! - [`trained`]: observations that are far outside of what the policy was trained on;
//! - [`Observer`]: receives what happens in a loop;
//! - [`Recipe`]: how plans are sampled, described before anything is loaded.
//!
//! Loops that play episodes and measure them are in `parapolicy-eval`.
//!
//! # Example
//!
//! ```
//! use ndarray::Array1;
//! use parapolicy_control::{DiffusionPolicy, Policy as _, Recipe};
//!
//! # fn main() -> Result<(), parapolicy_control::BoxError> {
//! # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
//! let recipe = Recipe { steps: 10, ..Recipe::default() };
//! let (network, sampler) = recipe.load(directory.as_ref())?;
//! let mut policy = DiffusionPolicy::new(network, sampler);
//! policy.observe(Array1::from_elem(20, 256.0).view())?; // nine keypoints and the agent, in pixels
//! let plan = policy.plan()?;
//! assert_eq!(plan.intended_actions().dim(), (8, 2));
//! # Ok(())
//! # }
//! ```

pub mod check;
pub mod clock;
pub mod controller;
mod diffusion;
pub mod entries;
mod environment;
mod latency;
mod observer;
mod options;
mod plan;
pub mod playback;
mod policy;
mod recipe;
pub mod refine;
mod sketch;
pub mod trained;
pub mod tuned;

pub use diffusion::{BatchedDiffusionPolicy, DiffusionPolicy, noise_seed};
pub use environment::{Environment, Outcome};
pub use latency::{Latency, Percentiles};
pub use observer::{EpisodeObserver, Observer, PlanEvent, StepEvent};
pub use options::OptionError;
pub use plan::{Plan, PlanCost};
pub use policy::{BatchedPolicy, Policy};
pub use recipe::{InferenceOptions, Recipe, RecipeError, RecipeOptions, SamplingOptions, seconds, usual_strategy};
pub use sketch::{Body, Sketch};

pub use parapolicy_sampler::BoxError;
