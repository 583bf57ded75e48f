//! A network with bound conditions, one per sample: the denoiser that a sampler calls.

use std::iter;

use ndarray::{ArrayView2, ArrayViewMut2};
use parapolicy_engine::RunError;
use parapolicy_sampler::{BatchedDenoiser, BoxError, Denoiser, Known};

use crate::{Batch, opened::Opened};

/// Why a batch could not be denoised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The batch does not fit the network.
    #[error("{what} is {found:?}, but must be {expected:?}")]
    Shape {
        /// Which of the arguments, or the graph's output.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the network, or the other arguments, ask for.
        expected: Vec<usize>,
    },
    /// The rows are not contiguous.
    #[error("the samples must be contiguous, in row-major order")]
    Layout,
    /// A row belongs to a plan that no observation is bound for.
    #[error("a row belongs to plan {plan}, but observations are bound for {bound} plans")]
    Plan {
        /// Which, from 0.
        plan: usize,
        /// How many there are.
        bound: usize,
    },
    /// The graph takes whole numbers for timesteps.
    #[error(
        "the graph's input `{input}` takes whole numbers (int64), but a timestep is {timestep}: export the graph with \
         float32 timesteps, or choose other steps"
    )]
    Timestep {
        /// The input.
        input: String,
        /// The first timestep that is not whole.
        timestep: f32,
    },
    /// Another backend failed.
    #[error("{backend} cannot run the graph")]
    Backend {
        /// What runs the graph.
        backend: &'static str,
        /// Why it cannot.
        source: BoxError,
    },
    /// The process was forked after the policy was loaded.
    #[error(
        "the process was forked after the policy was loaded, whose threads are not in the child: load it in the child, or \
         start the child anew (in Python: multiprocessing's start method `spawn`)"
    )]
    Forked,
    /// The engine failed.
    #[error("the engine cannot run the graph")]
    Native(#[from] RunError),
}

/// A network with an observation or another condition bound to it, by [`Network::bind`](crate::Network::bind) or
/// [`DenoiserNetwork::bind`](crate::DenoiserNetwork::bind).
///
/// The engine reads the samples and writes the predictions in place, without copies or allocation. For ONNX
/// Runtime both are copied once, to and from tensors that are kept for each size of a batch; its binding allocates a
/// handle of the output in every call.
#[derive(Debug)]
pub struct BoundDenoiser<'a>(BoundPlans<'a>);

/// A network with an observation or another condition bound for each of several samples, by
/// [`Network::bind_batched`](crate::Network::bind_batched) or
/// [`DenoiserNetwork::bind_batched`](crate::DenoiserNetwork::bind_batched).
///
/// ONNX Runtime may sum in another order for another batch size, so the prediction for a row can differ by rounding
/// with the size of its batch.
#[derive(Debug)]
pub struct BoundPlans<'a> {
    opened: &'a mut Opened,
    /// `[plans, …]`, as the graph sees them.
    conditions: &'a [f32],
    plans: usize,
}

impl<'a> BoundPlans<'a> {
    pub(crate) fn new(opened: &'a mut Opened, conditions: &'a [f32], plans: usize) -> Self {
        Self { opened, conditions, plans }
    }

    /// All rows belong to the first plan.
    pub(crate) fn into_denoiser(self) -> BoundDenoiser<'a> {
        BoundDenoiser(self)
    }

    /// Checks the batch and runs the graph on it; row `i` belongs to the `i`th of `plans`.
    fn predict(
        &mut self,
        plans: impl Iterator<Item = usize>,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), PredictError> {
        let Self { opened, conditions, .. } = self;
        let shape = [samples.nrows(), opened.signature.sample_dim()];
        check_shape("the shape of the samples", samples.shape(), &shape)?;
        check_shape("the number of timesteps", &[timesteps.len()], &shape[..1])?;
        check_shape("the shape of the prediction", prediction.shape(), &shape)?;
        if samples.is_empty() {
            return Ok(());
        }
        opened.check_process()?;
        opened.check_timesteps(timesteps)?;
        let samples = samples.as_slice().ok_or(PredictError::Layout)?;
        opened.rows.clear();
        opened.rows.extend(plans);
        let plans = &opened.rows[..];
        opened.graph.run(Batch { plans, observations: conditions, samples, timesteps }, prediction)
    }
}

impl Denoiser for BoundDenoiser<'_> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        Ok(self.0.predict(iter::repeat_n(0, samples.nrows()), samples, timesteps, prediction)?)
    }

    fn known(&self) -> Option<Known<'_>> {
        self.0.opened.inpainted.as_ref().map(|inpainted| inpainted.known(0))
    }
}

impl BatchedDenoiser for BoundPlans<'_> {
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        check_shape("the number of plans' rows", &[plans.len()], &[samples.nrows()])?;
        let bound = self.plans;
        if let Some(&plan) = plans.iter().find(|plan| **plan >= bound) {
            return Err(PredictError::Plan { plan, bound }.into());
        }
        Ok(self.predict(plans.iter().copied(), samples, timesteps, prediction)?)
    }

    fn known_of(&self, plan: usize) -> Option<Known<'_>> {
        let inpainted = self.opened.inpainted.as_ref()?;
        (plan < self.plans).then(|| inpainted.known(plan))
    }
}

fn check_shape(what: &'static str, found: &[usize], expected: &[usize]) -> Result<(), PredictError> {
    if found == expected {
        return Ok(());
    }
    Err(PredictError::Shape { what, found: found.to_vec(), expected: expected.to_vec() })
}
