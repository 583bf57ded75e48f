//! A planar two-link arm that reaches for points: an environment in three small files, to copy for one of your own.
//!
//! [`Arm`] is the world, `ARM` its line on a list of [`Environments`](parapolicy_eval::Environments); the policy for it is in
//! `models/arm`.
//!
//! # Example
//!
//! ```
//! use ndarray::array;
//! use parapolicy_arm::Arm;
//! use parapolicy_control::Environment as _;
//!
//! let mut arm = Arm::default();
//! arm.reset(7)?;
//! let before = arm.distance();
//! let outcome = arm.step(array![0.5, -0.5].view())?; // rad/s, for a twentieth of a second
//! assert!(!outcome.over && arm.distance() != before);
//! # Ok::<(), parapolicy_control::BoxError>(())
//! ```

mod arm;
mod kind;
mod painter;
mod sketch;

pub use arm::{Arm, LINKS, NEAR, PERIOD, SPEED, STOP};
pub use kind::{ARM, ArmError};
