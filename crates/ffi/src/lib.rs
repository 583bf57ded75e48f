//! The C interface: diffusion policies, and controllers that live in a robot's loop.
//!
//! What a caller reads is the header, `include/parapolicy.h`, made from the comments of the items that it names. Every
//! function here follows one pattern: [`guard`](failure::guard) turns errors and panics into a status, the functions of
//! [`border`] turn raw pointers into references or refuse them, and what remains is safe code.

#![allow(unsafe_code, reason = "C has raw pointers; all of them become references in `border`, or are refused there")]
#![allow(
    clippy::missing_safety_doc,
    reason = "what C promises is the same for every function: the header's head says it"
)]

mod border;
mod versioned;

// In the order of the header.
pub mod failure;

pub mod options;

pub mod policy;

pub mod config;

pub mod controller;

pub mod command;

pub mod watch;

#[cfg(test)]
mod tests;
