//! The C interface: diffusion policies, and controllers that live in a robot's loop.
//!
//! What a caller reads is the header, `include/parapolicy.h`, made from the comments of the items that it names. Every
//! function here follows one pattern: [`guard`](failure::guard) turns errors and panics into a status, the functions of
//! [`border`] turn raw pointers into references or refuse them, and what remains is safe code.
//!
//! A build has the engine alone; the cargo features `ort` (ONNX Runtime) and `log` (MCAP files) add to it. The header is the
//! same in every build: what a feature is missing for is refused with the feature's name.
//!
//! # Example
//!
//! ```c
//! parapolicy_policy *policy;
//! if (parapolicy_policy_load("models/pusht", NULL, &policy) != PARAPOLICY_STATUS_OK) {
//!   fprintf(stderr, "%s\n", parapolicy_last_error());
//!   return 1;
//! }
//! double observations[2][20] = {{0}}, actions[16][2]; /* as parapolicy_policy_shape says */
//! parapolicy_policy_sample(policy, observations[0], 40, 7, actions[0], 32);
//! parapolicy_policy_free(policy);
//! ```

#![allow(unsafe_code, reason = "C has raw pointers; all of them become references in `border`, or are refused there")]
#![allow(
    clippy::missing_safety_doc,
    reason = "what C promises is the same for every function: the header's head says it"
)]

mod border;
mod features;
mod log;
mod versioned;

// In the order of the header.
pub mod failure;

pub mod options;

pub mod policy;

pub mod check;
pub mod draw;

pub mod entries;

pub mod config;

pub mod controller;

pub mod command;

pub mod in_force;

pub mod monitor;

#[cfg(test)]
mod tests;
