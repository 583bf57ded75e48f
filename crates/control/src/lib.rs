//! Control loops: a policy drives an environment, and what it costs and earns is measured.
//!
//! The loop knows two small traits, [`Policy`] and [`Environment`]. [`DiffusionPolicy`] is the first, a network of
//! `parapolicy-runner` sampled by a strategy of `parapolicy-sampler`; [`PushT`] is the second. A robot implements
//! [`Environment`] and takes PushT's place.
//!
//! - [`lockstep`]: the world waits for the policy;
//! - [`realtime`]: it does not, on the wall clock or on simulated time;
//! - [`refine`]: plans that keep limits;
//! - [`Latency`]: what a plan costs, from an HDR histogram;
//! - [`Report`]: what was measured, in the form that is written to `report.json`.

pub mod controller;
mod diffusion;
mod environment;
mod interval;
mod latency;
pub mod lockstep;
pub mod log;
mod options;
pub mod playback;
mod policy;
mod pusht;
pub mod realtime;
mod recipe;
pub mod refine;
mod report;

pub use diffusion::{DiffusionPolicy, ManyDiffusionPolicy, noise_seed};
pub use environment::{Environment, Outcome};
pub use interval::{Interval, bootstrap_mean};
pub use latency::{Latency, Percentiles};
pub use lockstep::{ControlError, Episode, PlanCost, Step, run_episode, run_episodes};
pub use options::OptionError;
pub use policy::{ManyPolicy, Plan, Policy};
pub use pusht::{PushT, PushTError};
pub use realtime::run_episode_in_time;
pub use recipe::{Recipe, RecipeError};
pub use report::{
    Comparison, CutShort, Difference, Differing, EpisodeReport, InTime, Machine, Model, Pair, RefinementReport, Report,
    ReportError, SCHEMA_VERSION, SamplerReport, SamplerRun, Throughput, paired_rewards,
};

/// Any error, boxed to cross the borders between policies, environments and the loop.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
