//! A ROS 2 node that runs a diffusion policy, without an installation of ROS: DDS by `rustdds`, in Rust.
//!
//! A [`Ros2Config`] (TOML) says which topics are which entries of the policy, where commands go, and what is safe; all of it is
//! checked against the policy before anything is opened. A [`Ros2Node`] reads, plans in a
//! [`Controller`](parapolicy_control::controller::Controller), and commands: a control step follows the stamps of one topic,
//! and commands bear the stamp of what they answer. Whatever comes that is not what the map says is refused: it is counted,
//! told in the diagnostics, and changes nothing.

mod clock;
mod config;
mod diagnostics;
mod error;
mod map;
mod message;
mod node;
mod observed;
mod part;
mod robot;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests;

pub use self::config::Ros2Config;
pub use self::error::{Refusal, Ros2Error};
pub use self::node::Ros2Node;
