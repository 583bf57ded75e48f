//! The window loop as a method.

use ndarray::ArrayView2;

use super::{Diffusion, Method, Rows};
use crate::statistics::Statistics;
use crate::window::{Acceptance, Path, RollOut, TailGuess, WindowLoop, WindowPolicy};

/// A [`WindowLoop`] as a [`Method`]. Most strategies are this, with the four choices of the loop made.
#[derive(Clone, Debug)]
pub struct Windowed<R, G, A, W> {
    iteration: WindowLoop<R, G, A, W>,
    timesteps: Vec<f32>,
}

impl<R, G, A, W> Windowed<R, G, A, W> {
    /// Makes `iteration` a method for tables of `steps` steps.
    pub fn new(mut iteration: WindowLoop<R, G, A, W>, steps: usize) -> Self {
        iteration.reserve(steps);
        Self { iteration, timesteps: Vec::with_capacity(steps) }
    }
}

impl<R, G, A, W> Method for Windowed<R, G, A, W>
where
    R: for<'a> RollOut<Diffusion<'a>> + Send,
    G: for<'a> TailGuess<Diffusion<'a>> + Send,
    A: Acceptance + Send,
    W: WindowPolicy + Send,
{
    fn begin(&mut self, _diffusion: &Diffusion<'_>, warm: bool) {
        self.iteration.begin::<Diffusion<'_>>(warm);
    }

    fn limit_rows(&mut self, rows: usize) -> bool {
        self.iteration.limit_rows(rows);
        true
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        let asked = self.iteration.ask(diffusion, path).asked();
        self.timesteps.clear();
        self.timesteps.extend(asked.iter().map(|step| diffusion.table().timesteps()[*step]));
        Rows { states: path.rows(asked), timesteps: &self.timesteps }
    }

    fn tell(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool {
        diffusion.write_drifts(path, self.iteration.asked().iter().copied(), predictions);
        self.iteration.tell(diffusion, path, statistics)
    }

    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        self.iteration.complete(diffusion, path);
    }
}
