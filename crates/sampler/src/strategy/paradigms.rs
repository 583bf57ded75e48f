//! ParaDiGMS: sliding-window Picard iteration, the paper to the letter (Shih et al. 2023, arXiv 2305.16317,
//! algorithm 1).
//!
//! Increments are summed from the window's left edge; new points are copies of the last; a point is kept while its
//! squared change, averaged over the dimensions, is at most τ² times the variance of the noise. As in the paper's code
//! and in `diffusers`, x_j is measured against the noise of the step that leaves it; the last step adds none, so x_{N-1}
//! is never kept on trust.

use super::{Method, Settings, Strategy, StrategyKind, WindowConfig, Windowed};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::window::{CopiedState, FixedWindow, Increments, RelativeChange, WindowLoop};

type Paradigms = WindowLoop<Increments, CopiedState, RelativeChange, FixedWindow>;

/// `paradigms`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind;

impl StrategyKind for Kind {
    fn name(&self) -> &'static str {
        "paradigms"
    }

    fn summary(&self) -> &'static str {
        "sliding-window Picard iteration, the paper to the letter (Shih et al. 2023, arXiv 2305.16317)"
    }

    fn defaults(&self) -> Settings {
        WindowConfig::default().settings()
    }

    fn method(&self, table: &Table, _dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        Ok(Box::new(Windowed::new(window_loop(table, settings.config()), table.steps())))
    }
}

impl Strategy {
    /// Sliding-window Picard iteration, the paper to the letter (Shih et al. 2023, arXiv 2305.16317).
    pub const fn paradigms(config: WindowConfig) -> Self {
        Self { kind: &Kind, settings: config.settings() }
    }
}

fn window_loop(table: &Table, config: WindowConfig) -> Paradigms {
    WindowLoop::new(
        Increments,
        CopiedState,
        RelativeChange::new(config.tolerance, table.variances()),
        FixedWindow(config.window),
    )
}
