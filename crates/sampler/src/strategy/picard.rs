//! Semilinear Picard iteration.
//!
//! The affine row is rolled out on the new states with the x̂0 of the round before, corrected by a secant
//! ([`Semilinear`]); states that the window has not reached are guessed by going on with the last x̂0 and the noise
//! already drawn ([`FrozenDrift`]); states are kept by the criterion of ParaDiGMS ([`RelativeChange`]).

use super::{Method, WindowConfig};
use crate::diffusion::Diffusion;
use crate::error::SampleError;
use crate::statistics::Statistics;
use crate::table::Table;
use crate::window::{FixedWindow, FrozenDrift, Path, RelativeChange, Semilinear, WindowLoop};

type Picard = WindowLoop<Semilinear, FrozenDrift, RelativeChange, FixedWindow>;

pub(super) fn method(table: &Table, config: WindowConfig, dim: usize) -> Picard {
    WindowLoop {
        roll_out: Semilinear::new(table.steps(), dim),
        tail_guess: FrozenDrift,
        acceptance: RelativeChange::new(config.tolerance, table.variances()),
        policy: FixedWindow(config.window),
    }
}

impl Method for Picard {
    fn run(
        &mut self,
        process: &mut Diffusion<'_>,
        path: &mut Path,
        statistics: &mut Statistics,
    ) -> Result<(), SampleError> {
        WindowLoop::run(self, process, path, statistics)
    }
}
