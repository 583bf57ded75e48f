//! ParaDiGMS: sliding-window Picard iteration, the paper to the letter (Shih et al. 2023, arXiv 2305.16317,
//! algorithm 1).
//!
//! Increments are summed from the window's left edge; new points are copies of the last; a point is kept while its
//! squared change, averaged over the dimensions, is at most τ² times the variance of the noise. As in the paper's code
//! and in `diffusers`, x_j is measured against the noise of the step that leaves it; the last step adds none, so x_{N-1}
//! is never kept on trust.

use super::WindowConfig;
use crate::table::Table;
use crate::window::{CopiedState, FixedWindow, Increments, RelativeChange, WindowLoop};

type Paradigms = WindowLoop<Increments, CopiedState, RelativeChange, FixedWindow>;

pub(super) fn method(table: &Table, config: WindowConfig) -> Paradigms {
    WindowLoop::new(
        Increments,
        CopiedState,
        RelativeChange::new(config.tolerance, table.variances()),
        FixedWindow(config.window),
    )
}
