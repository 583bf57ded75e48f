//! One evaluation a step, each on the exact state: the reference for every other strategy.

use ndarray::ArrayView2;

use super::{Diffusion, Method, Rows, Settings, Strategy, StrategyKind};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::statistics::Statistics;
use crate::window::{FrozenDrift, Path, Recurrence as _, TailGuess as _};

/// `sequential`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind;

impl StrategyKind for Kind {
    fn name(&self) -> &'static str {
        "sequential"
    }

    fn summary(&self) -> &'static str {
        "one evaluation a step: the reference"
    }

    fn defaults(&self) -> Settings {
        Settings::NONE
    }

    fn method(&self, _table: &Table, _dim: usize, _settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        Ok(Box::<Sequential>::default())
    }
}

impl Strategy {
    /// One evaluation a step: the reference.
    pub const fn sequential() -> Self {
        Self { kind: &Kind, settings: Settings::NONE }
    }
}

/// The step to be taken next.
#[derive(Default)]
struct Sequential(usize);

impl Method for Sequential {
    fn begin(&mut self, _diffusion: &Diffusion<'_>, _warm: bool) {
        self.0 = 0;
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        Rows::of_path(diffusion.table(), path, self.0..self.0 + 1)
    }

    fn tell(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        _statistics: &mut Statistics,
    ) -> bool {
        diffusion.write_drifts(path, self.0..self.0 + 1, predictions);
        path.advance(diffusion, self.0);
        self.0 += 1;
        self.0 == diffusion.steps()
    }

    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        FrozenDrift.guess(diffusion, path, self.0..diffusion.steps());
    }
}
