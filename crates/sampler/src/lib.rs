//! Noise schedules, solvers, sequential and parallel-in-time samplers for diffusion policies.
//!
//! Every solver is a function that fills one affine [`Table`], every network is a batch function ([`Denoiser`]), and
//! every strategy that iterates in parallel over time is an instance of one loop ([`window`]). No I/O, no network
//! runtime: the crate is the mathematics alone.
//!
//! With the descending timesteps indexed `j = 0..N`, `x_0` pure noise and `x_N` the sample,
//!
//! ```text
//! x_{j+1} = A_j x_j + B_j x̂0_j + C_j x̂0_{j-1} + S_j ξ_j        (ξ_j drawn before the first step)
//! ```
//!
//! # Example
//!
//! ```
//! use ndarray::{ArrayView2, ArrayViewMut2};
//! use parapolicy_sampler::{BoxError, Denoiser, Noise, Sampler, SchedulerConfig, Solver, Strategy, Table, WindowConfig};
//!
//! /// Knows that the data is the origin, so all of a sample is noise.
//! struct Origin;
//!
//! impl Denoiser for Origin {
//!     fn predict(
//!         &mut self,
//!         samples: ArrayView2<'_, f32>,
//!         _timesteps: &[f32],
//!         mut prediction: ArrayViewMut2<'_, f32>,
//!     ) -> Result<(), BoxError> {
//!         prediction.assign(&samples);
//!         Ok(())
//!     }
//! }
//!
//! let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 50)?;
//! let mut sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), 32)?;
//! let sample = sampler.sample(&mut Origin, &Noise::draw(7, 50, 32))?;
//! assert_eq!(sample.sample().len(), 32);
//! assert!(sample.statistics().rounds < 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

//!
//! # Write a strategy of your own
//!
//! Strategies are an open set. Implement [`StrategyKind`](strategy::StrategyKind) (name, default settings, how it is made
//! ready for a table) and [`Method`](strategy::Method) (which rows to evaluate next, and what to do with the network's
//! predictions for them) in one file of your own. Most strategies need no `Method` of their own: they make the four
//! choices of a [`WindowLoop`](window::WindowLoop) and wrap it in [`Windowed`](strategy::Windowed). Then
//!
//! ```text
//! Sampler::new(table, Strategy::of(&Mine), dim)?              uses it
//! let strategies = Strategies::default().with(&Mine)?;        lets it be chosen by name
//! ```
//!
//! `examples/outside_strategy.rs` in this crate is a complete strategy of that kind, held to `sequential` by
//! `tests/outside_strategy.rs`; it runs with `cargo run -p parapolicy-sampler --example outside_strategy`.

#![allow(clippy::doc_markdown, reason = "subscripts of formulas are not identifiers")]

mod affine_table;
mod batched;
mod budget;
mod choice;
mod config;
mod denoiser;
mod drawing;
mod error;
mod inpainting;
mod limit;
mod noise;
mod prediction;
mod refiner;
mod sample;
mod sampler;
mod schedule;
mod solver;
mod statistics;
pub mod strategy;
mod timesteps;
pub mod window;

pub use affine_table::{Step, Table};
pub use batched::{BatchedDenoiser, BatchedSampler, RollingSampler, Samples};
pub use budget::Budget;
pub use choice::{BatchCost, Choice, Expectation, Profile, choose};
pub use config::{
    AlgorithmType, BetaSchedule, FinalSigmas, FlowConvention, FlowTime, FlowVelocity, PredictionType, SchedulerConfig,
    SolverType, TimestepSpacing, VarianceType,
};
pub use denoiser::{BoxError, Denoiser, Known};
pub use error::{ConfigError, NoiseError, SampleError};
pub use noise::Noise;
pub use refiner::{Penalty, RefinedSample, Refiner, RefinerConfig};
pub use sample::{Ended, Sample};
pub use sampler::Sampler;
pub use solver::Solver;
pub use statistics::Statistics;
pub use strategy::{Strategies, Strategy, WindowConfig};
