//! One evaluation a step, each on the exact state: the reference for every other strategy.

use ndarray::ArrayView2;

use crate::diffusion::Diffusion;
use crate::method::{Method, Rows};
use crate::statistics::Statistics;
use crate::window::{FrozenDrift, Path, Recurrence as _, TailGuess as _};

/// The step to be taken next.
#[derive(Default)]
pub(super) struct Sequential(usize);

impl Method for Sequential {
    fn begin(&mut self, _diffusion: &Diffusion<'_>, _warm: bool) {
        self.0 = 0;
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        Rows::of_path(diffusion.table, path, self.0..self.0 + 1)
    }

    fn digest(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        _statistics: &mut Statistics,
    ) -> bool {
        diffusion.answer(path, self.0..self.0 + 1, predictions);
        path.advance(diffusion, self.0);
        self.0 += 1;
        self.0 == diffusion.steps()
    }

    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        FrozenDrift.guess(diffusion, path, self.0..diffusion.steps());
    }
}
