//! The strategies: orders in which the network is asked.

mod anderson;
mod blocks;
mod movement;
mod paradigms;
mod parareal;
mod picard;
mod sequential;
mod speculative;

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;
use crate::method::{Method, Windowed};
use crate::table::Table;

/// How the steps of a table are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strategy {
    /// One evaluation a step: the reference.
    Sequential,
    /// Sliding-window Picard iteration, the paper to the letter (Shih et al. 2023, arXiv 2305.16317).
    Paradigms(WindowConfig),
    /// Semilinear Picard iteration with a frozen-x̂0 tail and secant correction.
    Picard(WindowConfig),
    /// Triangular Anderson acceleration of the iteration over a window (Tang et al. 2024, arXiv 2402.09970).
    Anderson(WindowConfig),
    /// Drafts verified in one batch and kept by reflection coupling: exact in distribution, not to the bit (De Bortoli
    /// et al. 2025, arXiv 2505.03983). For solvers with noise at every step but the last.
    Speculative {
        /// Steps evaluated in one batch, at least 1.
        window: usize,
    },
    /// Picard iteration block by block; for solvers without noise, with an underdamped Langevin corrector between the
    /// blocks (Chen et al. 2024, arXiv 2405.15986). For solvers of first order.
    Blocks(WindowConfig),
    /// A coarse sweep corrected by fine solves of ⌈√N⌉ steps in all blocks at once, pipelined (Selvam et al. 2024,
    /// arXiv 2412.08292).
    Parareal {
        /// As [`WindowConfig::tolerance`].
        tolerance: f64,
    },
}

/// Window and tolerance of a strategy that iterates over a window of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowConfig {
    /// Steps evaluated in one batch, at least 1.
    pub window: usize,
    /// Largest root-mean-square change at which a state is accepted, in standard deviations of the step's noise; at
    /// 0 only states that do not change at all are.
    pub tolerance: f64,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { window: 20, tolerance: 0.1 }
    }
}

impl WindowConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        check_window(self.window)?;
        check_tolerance(self.tolerance)
    }
}

fn check_window(window: usize) -> Result<(), ConfigError> {
    match window {
        0 => Err(ConfigError::out_of_range("window", &window, "at least 1")),
        _ => Ok(()),
    }
}

fn check_tolerance(tolerance: f64) -> Result<(), ConfigError> {
    if tolerance >= 0.0 && tolerance.is_finite() {
        return Ok(());
    }
    Err(ConfigError::out_of_range("tolerance", &tolerance, "finite and not negative"))
}

impl Strategy {
    /// Names that [`Strategy::from_str`] reads.
    pub const NAMES: [&str; 7] = ["sequential", "paradigms", "picard", "speculative", "anderson", "parareal", "blocks"];

    /// The same strategy with another window and tolerance, as far as it has them.
    #[must_use]
    pub fn with_window(self, config: WindowConfig) -> Self {
        match self {
            Self::Sequential => self,
            Self::Paradigms(_) => Self::Paradigms(config),
            Self::Picard(_) => Self::Picard(config),
            Self::Anderson(_) => Self::Anderson(config),
            Self::Blocks(_) => Self::Blocks(config),
            Self::Speculative { .. } => Self::Speculative { window: config.window },
            Self::Parareal { .. } => Self::Parareal { tolerance: config.tolerance },
        }
    }

    /// Its window, unless it has none: `sequential` takes one step a round, `parareal` cuts the steps into blocks.
    pub fn window(&self) -> Option<usize> {
        match self {
            Self::Sequential | Self::Parareal { .. } => None,
            Self::Paradigms(config) | Self::Picard(config) | Self::Anderson(config) | Self::Blocks(config) => {
                Some(config.window)
            }
            Self::Speculative { window } => Some(*window),
        }
    }

    /// Its tolerance, unless it has none: `sequential` is the reference, `speculative` exact in distribution.
    pub fn tolerance(&self) -> Option<f64> {
        match self {
            Self::Sequential | Self::Speculative { .. } => None,
            Self::Paradigms(config) | Self::Picard(config) | Self::Anderson(config) | Self::Blocks(config) => {
                Some(config.tolerance)
            }
            Self::Parareal { tolerance } => Some(*tolerance),
        }
    }

    pub(crate) fn method(self, table: &Table, dim: usize) -> Result<Box<dyn Method>, ConfigError> {
        self.window().map_or(Ok(()), check_window)?;
        self.tolerance().map_or(Ok(()), check_tolerance)?;
        let steps = table.steps();
        Ok(match self {
            Self::Sequential => Box::<sequential::Sequential>::default(),
            Self::Paradigms(config) => Box::new(Windowed::new(paradigms::method(table, config), steps)),
            Self::Picard(config) => Box::new(Windowed::new(picard::method(table, config, dim), steps)),
            Self::Anderson(config) => Box::new(Windowed::new(anderson::method(table, config, dim), steps)),
            Self::Speculative { window } => Box::new(speculative::method(table, window, dim)?),
            Self::Parareal { tolerance } => Box::new(parareal::method(table, tolerance, dim)),
            Self::Blocks(config) => blocks::method(table, config, dim)?,
        })
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sequential => "sequential",
            Self::Paradigms(_) => "paradigms",
            Self::Picard(_) => "picard",
            Self::Anderson(_) => "anderson",
            Self::Speculative { .. } => "speculative",
            Self::Parareal { .. } => "parareal",
            Self::Blocks(_) => "blocks",
        })
    }
}

impl FromStr for Strategy {
    type Err = ConfigError;

    /// Reads a strategy's name; window and tolerance are its own defaults.
    fn from_str(name: &str) -> Result<Self, ConfigError> {
        match name {
            "sequential" => Ok(Self::Sequential),
            "paradigms" => Ok(Self::Paradigms(WindowConfig::default())),
            "picard" => Ok(Self::Picard(WindowConfig::default())),
            "anderson" => Ok(Self::Anderson(WindowConfig::default())),
            "speculative" => Ok(Self::Speculative { window: speculative::WINDOW }),
            "parareal" => Ok(Self::Parareal { tolerance: WindowConfig::default().tolerance }),
            "blocks" => Ok(Self::Blocks(WindowConfig::default())),
            _ => Err(ConfigError::unsupported("strategy", &name, Self::NAMES.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in Strategy::NAMES {
            assert_eq!(name.parse::<Strategy>().unwrap().to_string(), name);
        }
        assert_eq!(
            "parallel".parse::<Strategy>().unwrap_err().to_string(),
            "strategy: `parallel` is not supported; use sequential, paradigms, picard, speculative, anderson, parareal, blocks"
        );
    }
}
