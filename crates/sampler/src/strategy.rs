//! Strategies: the order in which the steps of a table are evaluated.
//!
//! The set is open. A strategy is two things:
//!
//! * a [`StrategyKind`]: its name, its default [`Settings`], and how it is made ready for a table;
//! * a [`Method`]: the strategy at work on one sample. It is *asked* for rows to evaluate and *told* what the network
//!   predicted for them, until the sample is drawn.
//!
//! Everything else in this module is what those two work with: [`Rows`], [`Diffusion`], and [`Windowed`], which makes a
//! [`WindowLoop`](crate::window::WindowLoop) a method. A [`Strategy`] is a kind with its settings, a small value that is
//! copied, compared and displayed by name; [`Strategies`] is the list of names.
//!
//! `examples/outside_strategy.rs` is a strategy written outside of this crate. [`Strategy::of`] makes a value of it for
//! [`Sampler::new`](crate::Sampler::new), and [`Strategies::with`] lets it be chosen by name.

mod anderson;
mod blocks;
mod diffusion;
mod kind;
mod method;
mod movement;
mod paradigms;
mod parareal;
mod picard;
mod registry;
mod rows;
mod sequential;
mod settings;
mod speculative;
mod windowed;

use std::fmt;
use std::str::FromStr;

pub use self::diffusion::Diffusion;
pub use self::kind::StrategyKind;
pub use self::method::Method;
pub use self::registry::Strategies;
pub use self::rows::Rows;
pub(crate) use self::rows::first_not_finite;
pub use self::settings::{Settings, WindowConfig};
pub use self::windowed::Windowed;
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::solver::Solver;

/// How the steps of a table are taken: a kind of strategy, and its settings.
///
/// Two strategies are equal if their names and their settings are.
#[derive(Clone, Copy, Debug)]
pub struct Strategy {
    kind: &'static dyn StrategyKind,
    settings: Settings,
}

impl Strategy {
    /// A strategy of `kind`, with its default settings.
    pub fn of(kind: &'static dyn StrategyKind) -> Self {
        Self { kind, settings: kind.defaults() }
    }

    /// The name that it is displayed and stored by.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What it is and where it comes from, in one line.
    pub fn summary(&self) -> &'static str {
        self.kind.summary()
    }

    /// Window and tolerance, as far as it has them.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The same strategy with another window and tolerance, as far as it has them.
    #[must_use]
    pub fn with_window(self, config: WindowConfig) -> Self {
        let Settings { window, tolerance } = self.settings;
        let settings =
            Settings { window: window.map(|_| config.window), tolerance: tolerance.map(|_| config.tolerance) };
        Self { settings, ..self }
    }

    /// The same strategy with a window for so many steps, if it has one: its own, or a twentieth of the steps where that is
    /// more: for 1000 steps of Stable Diffusion Shih et al. 2023 (arXiv 2305.16317) take 48.
    ///
    /// ```
    /// # use parapolicy_sampler::{Strategy, WindowConfig};
    /// let picard = Strategy::picard(WindowConfig::default());
    /// assert_eq!(picard.for_steps(100).window(), Some(20));
    /// assert_eq!(picard.for_steps(1000).window(), Some(50));
    /// assert_eq!(Strategy::sequential().for_steps(1000).window(), None);
    /// ```
    #[must_use]
    pub fn for_steps(self, steps: usize) -> Self {
        let window = self.settings.window.map(|window| window.max(steps / 20));
        Self { settings: Settings { window, ..self.settings }, ..self }
    }

    /// Its window, unless it has none: `sequential` takes one step a round, `parareal` cuts the steps into blocks.
    pub fn window(&self) -> Option<usize> {
        self.settings.window
    }

    /// Its tolerance, unless it has none: `sequential` is the reference, `speculative` exact in distribution.
    pub fn tolerance(&self) -> Option<f64> {
        self.settings.tolerance
    }

    /// Whether its sample is that of `sequential` under the same noise, up to the tolerance; if not, it is another sample
    /// (see [`StrategyKind::follows_sequential`]).
    pub fn follows_sequential(&self, solver: Solver) -> bool {
        self.kind.follows_sequential(solver)
    }

    /// Whether it keeps the tolerance by an estimate of its own error (see [`StrategyKind::estimates_error`]).
    pub fn estimates_error(&self) -> bool {
        self.kind.estimates_error()
    }

    /// Makes it ready for samples of `dim` values.
    pub(crate) fn method(self, table: &Table, dim: usize) -> Result<Box<dyn Method>, ConfigError> {
        self.settings.validate()?;
        self.kind.method(table, dim, self.settings)
    }
}

impl PartialEq for Strategy {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.settings == other.settings
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Strategy {
    type Err = ConfigError;

    /// Reads the name of a built-in strategy; window and tolerance are its own defaults. [`Strategies::parse`] reads those
    /// of others too.
    fn from_str(name: &str) -> Result<Self, ConfigError> {
        registry::parse(registry::BUILT_IN, name)
    }
}
