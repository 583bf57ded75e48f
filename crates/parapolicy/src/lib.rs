//! Parapolicy, for a program that embeds it: one name for what its crates have.
//!
//! - [`Recipe`] says how plans are drawn, and loads a policy; [`DiffusionPolicy`] draws them;
//! - [`Controller`] plans beside a robot's loop, which never waits for it;
//! - [`Environment`] is a world that waits;
//! - [`policy`], [`sampler`] and [`control`] are the crates themselves, with all that they have;
//! - [`ndarray`] is the version of it that they speak.
//!
//! ```toml
//! [dependencies]
//! parapolicy = { path = "…/crates/parapolicy" }
//!
//! # Else a development build computes without optimisation, and takes many times as long for a plan.
//! [profile.dev.package."*"]
//! opt-level = 3
//! ```
//!
//! # Example
//!
//! ```
//! use parapolicy::ndarray::Array1;
//! use parapolicy::{DiffusionPolicy, Policy as _, Recipe};
//!
//! # fn main() -> Result<(), parapolicy::BoxError> {
//! # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
//! let (network, sampler) = Recipe::default().load(directory.as_ref())?;
//! let mut policy = DiffusionPolicy::new(network, sampler);
//!
//! policy.observe(Array1::from_elem(20, 256.0).view())?; // nine keypoints and the agent, in pixels
//! let plan = policy.plan()?;
//! assert_eq!(plan.intended_actions().dim(), (8, 2));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | none | the engine: the U-Nets and transformers of Diffusion Policy |
//! | `ort` | module `ort`: ONNX Runtime: any graph, and policies that see images |
//! | `log` | module `log`: MCAP files of what was observed, planned and sent |

pub use ndarray;
pub use parapolicy_control as control;
#[cfg(feature = "log")]
pub use parapolicy_log as log;
#[cfg(feature = "ort")]
pub use parapolicy_ort as ort;
pub use parapolicy_policy as policy;
pub use parapolicy_sampler as sampler;

pub use control::controller::{Controller, ControllerConfig, Replan, WorkerEvent};
pub use control::entries::Entries;
pub use control::playback::{Blend, Late, Limits, PlaybackConfig};
pub use control::{BoxError, DiffusionPolicy, Environment, Plan, Policy, Recipe};
pub use policy::{Inference, Manifest, Network, Pixels};
pub use sampler::{Budget, Noise, Sampler, Solver, Strategy, WindowConfig};
