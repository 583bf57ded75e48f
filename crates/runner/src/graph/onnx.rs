//! A graph that ONNX Runtime runs.

use std::path::Path;

use ndarray::ArrayViewMut2;
use ort::{
    session::{Session, SessionInputValue, builder::GraphOptimizationLevel},
    value::{TensorRef, ValueType},
};

use super::{
    Batch, GraphError, Outlet, Outlets,
    check::{self, Input, TimestepType},
    copy,
    outlet::{Kind, Size},
};
use crate::{Manifest, PredictError, Runtime};

/// An open session.
#[derive(Debug)]
pub(crate) struct Onnx {
    session: Session,
    /// What the graph's inputs stand for, in the graph's order.
    inputs: [Input; 3],
    timestep: TimestepType,
    /// Name of the output.
    prediction: String,
    /// Shape of a plan and of an observation.
    plan: [usize; 2],
    seen: [usize; 2],
    /// One observation a plan.
    bound: Vec<f32>,
    /// One observation a row.
    observations: Vec<f32>,
    /// The timesteps, where the graph wants floats.
    float_timesteps: Vec<f32>,
}

impl Onnx {
    pub fn open(path: &Path, manifest: &Manifest, runtime: &Runtime, threads: usize) -> Result<Self, GraphError> {
        let session = open(path, runtime, threads)?;
        let (inputs, timestep) = check::denoiser(&Outlets::from(&session), manifest)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        Ok(Self {
            session,
            inputs,
            timestep,
            prediction: manifest.denoiser.prediction.clone(),
            plan: [manifest.horizon, manifest.action_dim()],
            seen: [manifest.n_obs_steps, manifest.seen_dim()],
            bound: Vec::new(),
            observations: Vec::new(),
            float_timesteps: Vec::new(),
        })
    }

    pub fn bind(&mut self, observations: &[f32]) {
        self.bound.clear();
        self.bound.extend_from_slice(observations);
    }

    pub fn run(&mut self, batch: Batch<'_>, prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        self.gather(batch);
        let rows = batch.timesteps.len();
        let [plans, observations] = [self.plan, self.seen].map(|[steps, dim]| [rows, steps, dim]);
        let tensor = |input| -> ort::Result<SessionInputValue<'_>> {
            Ok(match (input, self.timestep) {
                (Input::Sample, _) => TensorRef::from_array_view((plans, batch.samples))?.into(),
                (Input::Observation, _) => {
                    TensorRef::from_array_view((observations, self.observations.as_slice()))?.into()
                }
                (Input::Timestep, TimestepType::Int64) => TensorRef::from_array_view(([rows], batch.timesteps))?.into(),
                (Input::Timestep, TimestepType::Float32) => {
                    TensorRef::from_array_view(([rows], self.float_timesteps.as_slice()))?.into()
                }
            })
        };
        let [first, second, third] = self.inputs;
        let outputs = self.session.run([tensor(first)?, tensor(second)?, tensor(third)?])?;
        let (shape, values) = outputs[self.prediction.as_str()].try_extract_tensor::<f32>()?;
        // The graph may have left sizes open until now.
        if !shape.iter().map(|&size| size as usize).eq(plans) {
            let found = shape.iter().map(|&size| size as usize).collect();
            return Err(PredictError::Shape {
                what: "the shape of the graph's prediction",
                found,
                expected: plans.to_vec(),
            });
        }
        copy(values, prediction);
        Ok(())
    }

    /// Makes the inputs that are not handed over where they lie.
    fn gather(&mut self, batch: Batch<'_>) {
        let len = self.seen[0] * self.seen[1];
        self.observations.clear();
        for &plan in batch.plans {
            self.observations.extend_from_slice(&self.bound[plan * len..][..len]);
        }
        if self.timestep == TimestepType::Float32 {
            self.float_timesteps.clear();
            self.float_timesteps.extend(batch.timesteps.iter().map(|&timestep| timestep as f32));
        }
    }
}

/// The inputs and the outputs of a graph that need not be what a manifest says.
pub(super) fn outlets(path: &Path, runtime: &Runtime) -> Result<Outlets, GraphError> {
    Ok(Outlets::from(&open(path, runtime, 1)?))
}

pub(super) fn open(path: &Path, runtime: &Runtime, threads: usize) -> Result<Session, GraphError> {
    session(path, runtime, threads).map_err(|error| GraphError::Open { path: path.to_path_buf(), error })
}

fn session(path: &Path, runtime: &Runtime, threads: usize) -> ort::Result<Session> {
    Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .commit_from_file(path)
}

impl From<&Session> for Outlets {
    fn from(session: &Session) -> Self {
        let outlets = |outlets: &[ort::value::Outlet]| outlets.iter().map(Outlet::from).collect();
        Self { inputs: outlets(session.inputs()), outputs: outlets(session.outputs()) }
    }
}

impl From<&ort::value::Outlet> for Outlet {
    fn from(outlet: &ort::value::Outlet) -> Self {
        let kind = match outlet.dtype() {
            ValueType::Tensor { ty, shape, dimension_symbols } => {
                let sizes = shape.iter().zip(dimension_symbols.iter());
                let size = |(&size, name): (&i64, &String)| match size {
                    -1 => Size::Open(name.clone()),
                    size => Size::Fixed(size),
                };
                Kind::Tensor { element: ty.to_string(), shape: sizes.map(size).collect() }
            }
            other => Kind::Other(other.to_string()),
        };
        Self { name: outlet.name().into(), kind }
    }
}
