//! Counts the batches that a sampler requests from a network.

use std::time::{Duration, Instant};

use ndarray::{ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{BoxError, Denoiser, Known};

/// A network that counts the rows of each batch, and the time that passes in it.
pub struct Meter<'a> {
    denoiser: &'a mut dyn Denoiser,
    /// Rows of each batch so far.
    pub rows: Vec<usize>,
    /// Time spent in all batches so far, failed ones included.
    pub time: Duration,
}

impl<'a> Meter<'a> {
    /// Counts from now on.
    pub fn new(denoiser: &'a mut dyn Denoiser) -> Self {
        Self { denoiser, rows: Vec::new(), time: Duration::ZERO }
    }
}

impl Denoiser for Meter<'_> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.rows.push(samples.nrows());
        let started = Instant::now();
        let result = self.denoiser.predict(samples, timesteps, prediction);
        self.time += started.elapsed();
        result
    }

    fn known(&self) -> Option<Known<'_>> {
        self.denoiser.known()
    }
}
