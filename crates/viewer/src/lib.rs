//! Watch a policy at work on PushT, and drive in its place.
//!
//! Three threads, none of which waits for another:
//!
//! ```text
//! frames (bevy)      the newest scene, drawn; keys and pointer become orders
//! table              a session: takes orders, and a control step whenever one is due
//! policy             a controller's worker: plans for the newest observation
//! ```
//!
//! A [`Session`](session::Session), or a [`Replay`](replay::Replay) of one that was logged, is the whole logic, and knows no
//! window: [`screenshot`] draws what it shows without one, [`window`] opens one on it.

mod colour;
mod error;
pub mod instructions;
mod keys;
mod layout;
mod machine;
pub mod order;
mod panel;
mod picture;
mod plans;
mod play;
mod plot;
mod pointer;
mod recorder;
pub mod replay;
pub mod scene;
pub mod screenshot;
pub mod session;
pub mod setup;
mod sketch;
mod stage;
pub mod table;
mod tap;
pub mod window;

pub use error::ViewError;
pub use play::{Play, Progress};
