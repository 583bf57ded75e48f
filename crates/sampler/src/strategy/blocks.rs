//! Picard iteration block by block: PIADM (Chen et al. 2024, arXiv 2405.15986).
//!
//! The steps are cut into a few blocks, taken one after the other. Within a block all steps are iterated in parallel,
//! from copies of its first state y, each round by the exponential integrator with the x̂0 of the round before:
//!
//! ```text
//! x⁰_j      = y
//! x^k_{j+1} = advance(x^k_j; x̂0(x^{k-1}_j))         (algorithm 1, PIADM-SDE)
//! ```
//!
//! On solvers without noise that is the predictor of algorithm 2, PIADM-ODE, and a corrector follows ([`corrected`]).
//!
//! The paper takes a number of rounds K fixed beforehand, of the order of the logarithm of the dimension, so its price is
//! blocks × K. Here a block is done once no change of its states moves the sample by much ([`movement::allowed`]), so K
//! is as large as the block needs. The difference to `picard`: a window waits for its last state, it does not slide.

use std::ops::Range;

use super::{Method, Settings, Strategy, StrategyKind, WindowConfig, Windowed, movement};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::solver::Solver;
use crate::window::{Acceptance, CopiedState, Direct, Path, RelativeChange, Round, Window, WindowLoop, WindowPolicy};

mod corrected;

use self::corrected::Corrected;

/// Iterates blocks that end at `ends`; a state may have changed by `allowed` (mean square, at a tolerance of 1).
type Blocks = WindowLoop<Direct, CopiedState, Whole, UpTo>;

/// `blocks`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind;

impl StrategyKind for Kind {
    fn name(&self) -> &'static str {
        "blocks"
    }

    fn summary(&self) -> &'static str {
        "Picard iteration block by block; on DDIM with a Langevin corrector between them (Chen et al. 2024, arXiv 2405.15986)"
    }

    fn defaults(&self) -> Settings {
        WindowConfig::default().settings()
    }

    fn method(&self, table: &Table, dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        let config = settings.config();
        if table.lags() > 0 {
            let supported = "ddpm, ddim, ddim:ETA or euler: blocks is defined for steps that depend on one x̂0";
            return Err(ConfigError::unsupported("solver", &table.solver(), supported));
        }
        match table.solver() {
            Solver::Ddim { eta: 0.0 } => Ok(Box::new(Corrected::new(table, config, dim))),
            _ => {
                let allowed = movement::allowed(&movement::levels(table, movement::VARIANCE), movement::REACH);
                let ends = ends(0..table.steps(), config.window).collect();
                Ok(Box::new(Windowed::new(blocks(ends, config.tolerance, allowed), table.steps())))
            }
        }
    }

    /// The corrector leads to another sample.
    fn follows_sequential(&self, solver: Solver) -> bool {
        solver != Solver::Ddim { eta: 0.0 }
    }
}

impl Strategy {
    /// Picard iteration block by block; for solvers without noise, with an underdamped Langevin corrector between the
    /// blocks (Chen et al. 2024, arXiv 2405.15986). For solvers of first order.
    pub const fn blocks(config: WindowConfig) -> Self {
        Self { kind: &Kind, settings: config.settings() }
    }
}

fn blocks(ends: Vec<usize>, tolerance: f64, allowed: impl IntoIterator<Item = f64>) -> Blocks {
    WindowLoop::new(Direct, CopiedState, Whole(RelativeChange::new(tolerance, allowed)), UpTo(ends))
}

/// Ends of the blocks of at most `length` steps that `steps` is cut into.
fn ends(steps: Range<usize>, length: usize) -> impl Iterator<Item = usize> {
    steps.clone().step_by(length).map(move |start| start.saturating_add(length).min(steps.end))
}

/// A window that reaches to the end of its block, as far as it may.
struct UpTo(Vec<usize>);

impl WindowPolicy for UpTo {
    fn extend(&mut self, asked: &mut Vec<usize>, round: Round) {
        let left = asked[0];
        let end = self.0.iter().find(|end| **end > left);
        asked.extend((left + 1..end.copied().unwrap_or(round.steps)).take(round.most - 1));
    }
}

/// All of the window or the first step, which was computed from a final state and its own x̂0.
struct Whole(RelativeChange);

impl Acceptance for Whole {
    fn accepted(&mut self, window: Window<'_>, path: &Path) -> usize {
        let all = path.changes().len();
        if self.0.accepted(window, path) == all { all } else { 1 }
    }
}
