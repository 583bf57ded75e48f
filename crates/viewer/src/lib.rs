//! Watch a policy at work on PushT, drive in its place, and record demonstrations. Logs of other environments are shown as plots.
//!
//! Three threads, none of which waits for another unless it is told to:
//!
//! ```text
//! frames (bevy)      draw the newest scene; keys and pointer become orders
//! episode            a session: takes orders, and a control step whenever one is due
//! policy             a controller's worker: plans for the newest observation
//! ```
//!
//! A [`Session`](session::Session), or a [`Replay`](replay::Replay) of one that was logged, is the whole logic, and knows no
//! window: [`screenshot`] draws what it shows without one, [`window`] opens one on it. What a session shows of plans, it
//! learns as an [`Observer`](parapolicy_control::Observer) of its controller.
//!
//! # The program
//!
//! ```text
//! cargo build --release -p parapolicy-viewer
//! cargo run --release -- view
//! ```
//!
//! # Example
//!
//! An episode up to its eighth control step, without a window.
//!
//! ```
//! use parapolicy_control::Recipe;
//! use parapolicy_control::controller::Continuity;
//! use parapolicy_policy::Manifest;
//! use parapolicy_pusht::Scenario;
//! use parapolicy_viewer::Play as _;
//! use parapolicy_viewer::session::Session;
//! use parapolicy_viewer::setup::{Clock, Setup, drawers, policies};
//!
//! # fn main() -> Result<(), parapolicy_control::BoxError> {
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
//! let mut session = Session::new(Setup {
//!     manifest: Manifest::load("models/pusht".as_ref())?,
//!     make: policies("models/pusht".into()),
//!     draw_many: drawers("models/pusht".into()),
//!     recipe: Recipe { steps: 10, ..Recipe::default() },
//!     continuity: Continuity::Independent,
//!     scenarios: vec![Scenario::load("sims/nominal.toml".as_ref())?],
//!     scenario: 0,
//!     seed: 100_003,
//!     clock: Clock::Lockstep,
//!     demos: "demos".into(),
//! })?;
//! session.play_until(8)?;
//! let scene = session.scene();
//! assert_eq!((scene.settings.control_step, scene.plans), (8, 2)); // a plan for every eight control steps
//! # Ok(())
//! # }
//! ```

mod colour;
pub mod curves;
mod error;
pub mod instructions;
mod keys;
mod layout;
mod machine;
pub mod order;
mod panel;
mod picture;
mod plan_observer;
mod plans;
mod play;
pub mod play_thread;
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
pub mod window;

pub use error::ViewError;
pub use play::{Play, Progress};
