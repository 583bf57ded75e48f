//! Splits a batch over several graphs, one per device.

use std::{panic::resume_unwind, thread};

use ndarray::{ArrayViewMut2, Axis};
use parapolicy_engine::Work;
use parapolicy_sampler::BoxError;

use crate::{Batch, OpenDenoiser, Precision, PredictError, Signature, TimestepType};

/// Graphs of the same network that share the rows of every batch evenly; all work at once.
///
/// Shih et al. 2023 (arXiv 2305.16317) spread the window of a plan over several GPUs in this way. Every call starts a
/// thread for each graph but one: the cost is negligible against a round on a GPU, but large against a round of the
/// engine.
#[derive(Debug)]
pub(crate) struct Shared(Vec<Box<dyn OpenDenoiser>>);

impl Shared {
    /// One graph or more.
    pub fn new(graphs: Vec<Box<dyn OpenDenoiser>>) -> Self {
        Self(graphs)
    }
}

impl OpenDenoiser for Shared {
    /// Operations and bytes of the largest share of a batch.
    fn work(&self, signature: &Signature, precision: Precision, rows: usize) -> Result<Work, String> {
        self.0[0].work(signature, precision, rows.div_ceil(self.0.len()))
    }

    fn timestep_type(&self) -> TimestepType {
        self.0[0].timestep_type()
    }

    fn bind(&mut self, observations: &[f32]) -> Result<(), BoxError> {
        self.0.iter_mut().try_for_each(|graph| graph.bind(observations))
    }

    fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let rows = batch.timesteps.len();
        let share = rows.div_ceil(self.0.len());
        let shares = prediction.axis_chunks_iter_mut(Axis(0), share).enumerate();
        let mut shares = shares.zip(&mut self.0).map(|((index, prediction), graph)| {
            let first = index * share;
            let batch = batch.part(first..rows.min(first + share));
            move || graph.run(batch, prediction)
        });
        let Some(mine) = shares.next() else { return Ok(()) };
        thread::scope(|scope| {
            let others: Vec<_> = shares.map(|share| scope.spawn(share)).collect();
            let mine = mine();
            others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .fold(mine, Result::and)
        })
    }
}
