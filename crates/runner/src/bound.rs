//! A policy with an observation bound, or one for each of many plans: the denoiser that a sampler calls.

use std::iter;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
use ort::{session::SessionInputValue, value::TensorRef};
use parapolicy_sampler::{BoxError, Denoiser, ManyDenoiser};

use crate::{
    Manifest,
    graph::{Graph, Input, TimestepType},
    observation::ObservationRows,
    policy::Policy,
};

/// Why a batch could not be denoised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The batch does not fit the policy.
    #[error("{what} is {found:?}, but must be {expected:?}")]
    Shape {
        /// Which of the arguments, or the graph's output.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the policy, or the other arguments, ask for.
        expected: Vec<usize>,
    },
    /// The rows do not lie one after the other.
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
    /// ONNX Runtime failed.
    #[error("ONNX Runtime cannot run the graph")]
    Run(#[from] ort::Error),
}

/// A [`Policy`] with an observation bound to it, by [`Policy::bind`].
///
/// The window is handed to ONNX Runtime where it lies, and so are the timesteps if the graph wants integers; the
/// prediction is copied once. Our own buffers are reused; ONNX Runtime and its binding allocate a handle for each
/// tensor, and the output's memory, in every call.
#[derive(Debug)]
pub struct BoundDenoiser<'a> {
    policy: &'a mut Policy,
}

/// A [`Policy`] with an observation bound for each of several plans, by [`Policy::bind_many`].
///
/// ONNX Runtime may sum a batch of another size in another order: what it says of a row differs by rounding with the
/// rows beside it.
#[derive(Debug)]
pub struct BoundPlans<'a> {
    policy: &'a mut Policy,
}

/// Buffers of a denoiser, which outlive what is bound.
#[derive(Clone, Debug)]
pub(crate) struct Buffers {
    pub observation: ObservationRows,
    /// The timesteps, where the graph wants floats.
    float_timesteps: Vec<f32>,
}

impl Buffers {
    pub fn new(observation_shape: [usize; 2]) -> Self {
        Self { observation: ObservationRows::new(observation_shape), float_timesteps: Vec::new() }
    }
}

impl<'a> BoundDenoiser<'a> {
    pub(crate) fn new(policy: &'a mut Policy) -> Self {
        Self { policy }
    }
}

impl<'a> BoundPlans<'a> {
    pub(crate) fn new(policy: &'a mut Policy) -> Self {
        Self { policy }
    }
}

impl Denoiser for BoundDenoiser<'_> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[i64],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        Ok(predict(self.policy, iter::repeat_n(0, samples.nrows()), samples, timesteps, prediction)?)
    }
}

impl ManyDenoiser for BoundPlans<'_> {
    fn predict_many(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[i64],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        check_shape("the number of plans' rows", &[plans.len()], &[samples.nrows()])?;
        let bound = self.policy.buffers.observation.plans();
        if let Some(&plan) = plans.iter().find(|plan| **plan >= bound) {
            return Err(PredictError::Plan { plan, bound }.into());
        }
        Ok(predict(self.policy, plans.iter().copied(), samples, timesteps, prediction)?)
    }
}

/// Checks the batch and runs the graph on it; row `i` belongs to the `i`th of `plans`.
fn predict(
    policy: &mut Policy,
    plans: impl Iterator<Item = usize>,
    samples: ArrayView2<'_, f32>,
    timesteps: &[i64],
    prediction: ArrayViewMut2<'_, f32>,
) -> Result<(), PredictError> {
    let Policy { manifest, graph, buffers, .. } = policy;
    let shape = [samples.nrows(), manifest.sample_dim()];
    check_shape("the shape of the samples", samples.shape(), &shape)?;
    check_shape("the number of timesteps", &[timesteps.len()], &shape[..1])?;
    check_shape("the shape of the prediction", prediction.shape(), &shape)?;
    if samples.is_empty() {
        return Ok(());
    }
    let samples = samples.as_slice().ok_or(PredictError::Layout)?;
    buffers.observation.gather(plans);
    run(manifest, graph, buffers, samples, timesteps, prediction)
}

fn run(
    manifest: &Manifest,
    graph: &mut Graph,
    buffers: &mut Buffers,
    samples: &[f32],
    timesteps: &[i64],
    mut prediction: ArrayViewMut2<'_, f32>,
) -> Result<(), PredictError> {
    let batch = timesteps.len();
    let plans = [batch, manifest.horizon, manifest.action_dim()];
    let observations = [batch, manifest.n_obs_steps, manifest.observation_dim()];
    let Buffers { observation, float_timesteps } = buffers;
    if graph.timestep == TimestepType::Float32 {
        float_timesteps.clear();
        float_timesteps.extend(timesteps.iter().map(|&timestep| timestep as f32));
    }
    let observation = observation.rows();
    let tensor = |input| -> ort::Result<SessionInputValue<'_>> {
        Ok(match (input, graph.timestep) {
            (Input::Sample, _) => TensorRef::from_array_view((plans, samples))?.into(),
            (Input::Observation, _) => TensorRef::from_array_view((observations, observation))?.into(),
            (Input::Timestep, TimestepType::Int64) => TensorRef::from_array_view(([batch], timesteps))?.into(),
            (Input::Timestep, TimestepType::Float32) => {
                TensorRef::from_array_view(([batch], float_timesteps.as_slice()))?.into()
            }
        })
    };
    let [first, second, third] = graph.inputs;
    let outputs = graph.session.run([tensor(first)?, tensor(second)?, tensor(third)?])?;
    let (shape, values) = outputs[manifest.denoiser.prediction.as_str()].try_extract_tensor::<f32>()?;
    // The graph may have left sizes open until now.
    if !shape.iter().map(|&size| size as usize).eq(plans) {
        let found = shape.iter().map(|&size| size as usize).collect();
        return Err(PredictError::Shape {
            what: "the shape of the graph's prediction",
            found,
            expected: plans.to_vec(),
        });
    }
    for (mut row, values) in prediction.rows_mut().into_iter().zip(values.chunks_exact(manifest.sample_dim())) {
        row.assign(&ArrayView1::from(values));
    }
    Ok(())
}

fn check_shape(what: &'static str, found: &[usize], expected: &[usize]) -> Result<(), PredictError> {
    if found == expected {
        return Ok(());
    }
    Err(PredictError::Shape { what, found: found.to_vec(), expected: expected.to_vec() })
}
