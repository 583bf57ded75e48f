//! The strategies: orders in which the network is asked.

mod anderson;
mod paradigms;
mod picard;
mod sequential;
mod speculative;

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;
use crate::method::Method;
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
        if self.window == 0 {
            return Err(ConfigError::out_of_range("window", &self.window, "at least 1"));
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return Err(ConfigError::out_of_range("tolerance", &self.tolerance, "finite and not negative"));
        }
        Ok(())
    }
}

impl Strategy {
    /// Names that [`Strategy::from_str`] reads.
    pub const NAMES: [&str; 5] = ["sequential", "paradigms", "picard", "speculative", "anderson"];

    /// The same strategy with another window and tolerance; `sequential` has neither, `speculative` no tolerance.
    #[must_use]
    pub fn with_window(self, config: WindowConfig) -> Self {
        match self {
            Self::Sequential => self,
            Self::Paradigms(_) => Self::Paradigms(config),
            Self::Picard(_) => Self::Picard(config),
            Self::Anderson(_) => Self::Anderson(config),
            Self::Speculative { .. } => Self::Speculative { window: config.window },
        }
    }

    /// Window and tolerance, if the strategy has them; `speculative` is exact, so its tolerance is 0.
    pub fn window(&self) -> Option<WindowConfig> {
        match self {
            Self::Sequential => None,
            Self::Paradigms(config) | Self::Picard(config) | Self::Anderson(config) => Some(*config),
            Self::Speculative { window } => Some(WindowConfig { window: *window, tolerance: 0.0 }),
        }
    }

    pub(crate) fn method(self, table: &Table, dim: usize) -> Result<Box<dyn Method>, ConfigError> {
        if let Some(config) = self.window() {
            config.validate()?;
        }
        Ok(match self {
            Self::Sequential => Box::<sequential::Sequential>::default(),
            Self::Paradigms(config) => Box::new(paradigms::method(table, config)),
            Self::Picard(config) => Box::new(picard::method(table, config, dim)),
            Self::Anderson(config) => Box::new(anderson::method(table, config, dim)),
            Self::Speculative { window } => Box::new(speculative::method(table, window, dim)?),
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
        })
    }
}

impl FromStr for Strategy {
    type Err = ConfigError;

    /// Reads a strategy's name; window and tolerance are the defaults.
    fn from_str(name: &str) -> Result<Self, ConfigError> {
        match name {
            "sequential" => Ok(Self::Sequential),
            "paradigms" => Ok(Self::Paradigms(WindowConfig::default())),
            "picard" => Ok(Self::Picard(WindowConfig::default())),
            "anderson" => Ok(Self::Anderson(WindowConfig::default())),
            "speculative" => Ok(Self::Speculative { window: WindowConfig::default().window }),
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
            "strategy: `parallel` is not supported; use sequential, paradigms, picard, speculative, anderson"
        );
    }
}
