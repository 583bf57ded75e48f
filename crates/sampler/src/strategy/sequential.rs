//! One evaluation a step, each on the exact state: the reference for every other strategy.

use super::Method;
use crate::diffusion::Diffusion;
use crate::error::SampleError;
use crate::statistics::Statistics;
use crate::window::{Path, Process as _};

pub(super) struct Sequential;

impl Method for Sequential {
    fn run(
        &mut self,
        process: &mut Diffusion<'_>,
        path: &mut Path,
        statistics: &mut Statistics,
    ) -> Result<(), SampleError> {
        for step in 0..process.steps() {
            path.evaluate(process, step..step + 1)?;
            path.advance(process, step);
            statistics.record(1, &[]);
        }
        Ok(())
    }
}
