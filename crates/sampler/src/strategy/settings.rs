//! What can be set of a strategy.

use crate::error::ConfigError;

/// Window and tolerance of a strategy, as far as it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// As [`WindowConfig::window`].
    pub window: Option<usize>,
    /// As [`WindowConfig::tolerance`].
    pub tolerance: Option<f64>,
}

/// Window and tolerance of a strategy that iterates over a window of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowConfig {
    /// Steps evaluated in one batch, at least 1.
    pub window: usize,
    /// Largest root-mean-square change at which a state is accepted, in standard deviations of the step's noise; with
    /// `picard`, how far a value of the sample may end from the sequential one in normalised units, as it estimates. At 0
    /// only states that do not change at all are accepted.
    pub tolerance: f64,
}

impl WindowConfig {
    /// The default.
    const DEFAULT: Self = Self { window: 20, tolerance: 0.1 };

    /// The same as settings of a strategy that has both.
    pub const fn settings(self) -> Settings {
        Settings { window: Some(self.window), tolerance: Some(self.tolerance) }
    }
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Settings {
    /// Of a strategy that has none.
    pub const NONE: Self = Self { window: None, tolerance: None };

    /// Of a strategy that has a window alone.
    pub const fn of_window(window: usize) -> Self {
        Self { window: Some(window), tolerance: None }
    }

    /// Of a strategy that has a tolerance alone.
    pub const fn of_tolerance(tolerance: f64) -> Self {
        Self { window: None, tolerance: Some(tolerance) }
    }

    /// Both of them; what is missing is the default of [`WindowConfig`].
    pub fn config(self) -> WindowConfig {
        let WindowConfig { window, tolerance } = WindowConfig::DEFAULT;
        WindowConfig { window: self.window.unwrap_or(window), tolerance: self.tolerance.unwrap_or(tolerance) }
    }

    /// Checks both.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the window is 0, or the tolerance negative or not finite.
    pub fn validate(self) -> Result<(), ConfigError> {
        if self.window == Some(0) {
            return Err(ConfigError::out_of_range("window", &0, "at least 1"));
        }
        match self.tolerance {
            Some(tolerance) if !(tolerance >= 0.0 && tolerance.is_finite()) => {
                Err(ConfigError::out_of_range("tolerance", &tolerance, "finite and not negative"))
            }
            _ => Ok(()),
        }
    }
}
