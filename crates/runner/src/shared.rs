//! A batch shared by several policies: one a device.

use std::thread;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use parapolicy_sampler::{BoxError, Denoiser, Known};

use crate::BoundDenoiser;

/// Denoisers of the same policy, loaded once for each device, that share the rows of every batch evenly; all work at once.
///
/// Shih et al. 2023 (arXiv 2305.16317) spread the window of a plan over several GPUs so. A thread is started for each
/// denoiser but the first, in every call: that is nothing beside a round on a GPU, and much beside one of the engine.
///
/// # Example
/// ```
/// use ndarray::Array2;
/// use parapolicy_runner::{Inference, Policy, SharedDenoiser};
/// use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table, WindowConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Inference { threads: 1, ..Inference::default() }.open(&())?;
/// # let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
/// let (mut one, mut other) = (Policy::load(models.as_ref(), &provider)?, Policy::load(models.as_ref(), &provider)?);
/// let dim = one.manifest().sample_dim();
/// let table = Table::new(&one.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 10)?;
/// let mut sampler = Sampler::new(table, Strategy::Picard(WindowConfig::default()), dim)?;
///
/// let observation = Array2::from_elem((2, 20), 256.0);
/// let mut shared = SharedDenoiser::new(one.bind(observation.view())?);
/// shared.push(other.bind(observation.view())?);
/// let sample = sampler.sample(&mut shared, &Noise::draw(0, 10, dim))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SharedDenoiser<'a> {
    first: BoundDenoiser<'a>,
    others: Vec<BoundDenoiser<'a>>,
}

impl<'a> SharedDenoiser<'a> {
    /// One, that has all the rows until there are others.
    pub fn new(first: BoundDenoiser<'a>) -> Self {
        Self { first, others: Vec::new() }
    }

    /// One more to share with. It must be of the same policy and have the same observation bound.
    pub fn push(&mut self, other: BoundDenoiser<'a>) {
        self.others.push(other);
    }
}

impl Denoiser for SharedDenoiser<'_> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[i64],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        let rows = samples.nrows();
        // What does not fit together is for one of them to refuse.
        if rows < 2 || timesteps.len() != rows || prediction.nrows() != rows {
            return self.first.predict(samples, timesteps, prediction);
        }
        let part = rows.div_ceil(1 + self.others.len());
        let parts = samples.axis_chunks_iter(Axis(0), part).zip(timesteps.chunks(part));
        let mut parts = parts.zip(prediction.axis_chunks_iter_mut(Axis(0), part));
        let Some(((samples, timesteps), prediction)) = parts.next() else { return Ok(()) };
        thread::scope(|scope| {
            let work = self.others.iter_mut().zip(parts);
            let running: Vec<_> = work
                .map(|(denoiser, ((samples, timesteps), prediction))| {
                    scope.spawn(move || denoiser.predict(samples, timesteps, prediction))
                })
                .collect();
            let first = self.first.predict(samples, timesteps, prediction);
            let others =
                running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a share panicked".into())));
            others.fold(first, Result::and)
        })
    }

    fn known(&self) -> Option<Known<'_>> {
        self.first.known()
    }
}
