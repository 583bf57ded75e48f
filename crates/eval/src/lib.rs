//! Measures policies: plays episodes, and reports reward and cost.
//!
//! - [`lockstep`]: loops in which the environment waits for the policy, one episode at a time or several in shared
//!   batches;
//! - [`realtime`]: the loop in which the environment does not wait, on the wall clock or on simulated time;
//! - [`Report`]: what was measured, in the format of `report.json`;
//! - [`Calibration`]: the time of batches on this machine, and the fastest sampler for it;
//! - [`tuning`]: solvers, steps and strategies beside each other, by time and by the distribution of their plans;
//! - [`Deviation`]: how far results in a lower precision are from f32;
//! - [`Environments`]: the list of environments, by name; yours can be put on it.
//!
//! # Example
//!
//! An episode in an environment of one's own: a point that is to be moved to 1.
//!
//! ```
//! use std::time::Duration;
//!
//! use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1};
//! use parapolicy_control::{BoxError, Environment, Outcome, Plan, Policy};
//! use parapolicy_eval::run_episode;
//!
//! struct Point(f64);
//!
//! impl Environment for Point {
//!     fn observation_dim(&self) -> usize { 1 }
//!     fn action_dim(&self) -> usize { 1 }
//!     fn period(&self) -> Duration { Duration::from_millis(100) }
//!     fn resting_action(&self) -> Array1<f64> { Array1::zeros(1) }
//!     fn reset(&mut self, _seed: u64) -> Result<(), BoxError> { self.0 = 0.0; Ok(()) }
//!     fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
//!         observation[0] = self.0;
//!         Ok(())
//!     }
//!     fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
//!         self.0 += action[0];
//!         let success = self.0 >= 1.0;
//!         Ok(Outcome { reward: self.0.clamp(0.0, 1.0), success, over: success, violation: 0.0 })
//!     }
//! }
//!
//! /// Moves by a quarter, four times.
//! struct Quarters;
//!
//! impl Policy for Quarters {
//!     fn reset(&mut self, _seed: u64) {}
//!     fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> { Ok(()) }
//!     fn plan(&mut self) -> Result<Plan, BoxError> {
//!         Ok(Plan { actions: Array2::from_elem((4, 1), 0.25), intended: 4, ..Plan::default() })
//!     }
//! }
//!
//! let episode = run_episode(&mut Quarters, &mut Point(0.0), 7, &())?;
//! assert_eq!((episode.control_steps, episode.success), (4, true));
//! # Ok::<(), parapolicy_eval::EpisodeError>(())
//! ```

mod calibration;
mod deviation;
mod environments;
mod episode;
mod interval;
pub mod lockstep;
mod meter;
mod output;
pub mod realtime;
mod recording;
mod report;
pub mod study;
mod trial_observations;
pub mod tuning;

pub use calibration::{
    AUTO, BatchLimit, BatchTime, Calibration, CalibrationError, CalibrationKey, Correction, FastestError,
    KnownRoofline, Observations, Roofline, Sampling,
};
pub use deviation::{Deviation, DeviationError, largest_difference};
pub use environments::{
    DuplicateEnvironment, EnvironmentError, EnvironmentKind, EnvironmentName, Environments, Scenario,
};
pub use episode::{Episode, EpisodeError};
pub use interval::{Interval, bootstrap_mean, wilson};
pub use lockstep::{run_episode, run_episodes};
pub use meter::Meter;
pub use output::{JsonOutput, ReportOutput, Run};
pub use realtime::run_episode_in_realtime;
pub use recording::{Moment, Painter, Recorder, Recording, Recordings, Rounds};
pub use report::{
    Comparison, CutShort, Difference, Differing, EpisodeReport, Interrupted, Machine, Made, MergeError, Model, Pair,
    Part, RealtimeReport, RefinementReport, Report, ReportError, SCHEMA_VERSION, SamplerReport, SamplerRun, Seeds,
    Shard, ShardError, ShardReport, Sums, Tally, Throughput, Verdict, merge, paired_rewards,
};
pub use trial_observations::drawn_observations;

pub use parapolicy_control::tuned::{Cpu, Estimate};
