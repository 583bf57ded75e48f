//! A graph that ONNX Runtime runs.

mod conditioning;
mod conditioning_inputs;
mod encoder;
mod partitioned;
mod precomputed;
mod sessions;
mod tensors;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ndarray::{ArrayViewMut2, s};
use ort::{session::Session, value::ValueType};
use parapolicy_engine::{Work, WorkByStage};
use parapolicy_onnx::{Dimension, TensorInfo, ValueKind};
use parapolicy_policy::{
    Batch, GraphError, GraphTensors, Idle, Manifest, OpenDenoiser, Precision, PredictError, TimestepType, work_of,
};
use parapolicy_sampler::BoxError;

pub(crate) use self::encoder::Encoder;
use self::{
    conditioning::Conditioning,
    conditioning_inputs::ConditioningInputs,
    partitioned::ToOpen,
    sessions::{File, Sessions},
};
use crate::{ExecutionProvider, Runtime, runtime::Execution};

/// Open sessions.
#[derive(Debug)]
pub(crate) struct Onnx {
    path: PathBuf,
    sessions: Sessions,
    layout: Layout,
    conditioning: Conditioning,
    timestep: TimestepType,
}

/// What goes in and comes out.
#[derive(Debug)]
struct Layout {
    sample: String,
    prediction: String,
    /// Whether inputs are bound anew for every call.
    copies_inputs: bool,
    /// Shape of a plan.
    plan: [usize; 2],
}

impl Onnx {
    pub fn open(path: &Path, manifest: &Manifest, runtime: &Runtime, how: Execution) -> Result<Self, GraphError> {
        // The tensors are read with ONNX Runtime's own kernels, whichever provider will run the graph.
        let reading = open(path, runtime, how.threads, how.idle)?;
        let tensors = tensors(&reading);
        let accepted =
            tensors.denoiser(manifest).map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let denoiser = &manifest.denoiser;
        let layout = Layout {
            sample: denoiser.sample.clone(),
            prediction: denoiser.prediction.clone(),
            copies_inputs: how.copies_inputs(),
            plan: [manifest.horizon, manifest.plan_dim()],
        };
        let conditioning_inputs = ConditioningInputs {
            timestep: denoiser.timestep.clone(),
            timestep_type: accepted.timestep,
            observation: denoiser.observation.clone(),
            seen: accepted.seen,
        };
        let graph = ToOpen { path, tensors: &tensors, runtime, how };
        let last = manifest.scheduler.num_train_timesteps as f32 - 1.0;
        let (sessions, conditioning) = graph.open(reading, &layout, conditioning_inputs, last)?;
        Ok(Self { path: path.to_path_buf(), sessions, layout, conditioning, timestep: accepted.timestep })
    }
}

impl OpenDenoiser for Onnx {
    fn timestep_type(&self) -> TimestepType {
        self.timestep
    }

    /// Counted by the engine.
    fn work(&self, manifest: &Manifest, precision: Precision, rows: usize) -> Result<Work, String> {
        let WorkByStage { condition, layers } =
            work_of(&self.path, manifest, precision, rows).map_err(|why| why.to_string())?;
        Ok(match self.conditioning {
            Conditioning::Inputs(_) => condition + layers,
            Conditioning::Precomputed(_) => layers,
        })
    }

    fn bind(&mut self, _observations: &[f32]) -> Result<(), BoxError> {
        self.conditioning.bind();
        Ok(())
    }

    fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let Self { sessions, layout, conditioning, .. } = self;
        let mut first = 0;
        while first < batch.timesteps.len() {
            let left = batch.timesteps.len() - first;
            let (session, tensors) = sessions.of(left, layout, conditioning).map_err(cannot_run)?;
            let rows = first..batch.timesteps.len().min(first + tensors.rows());
            let values = tensors.run(session, layout, conditioning, batch.part(rows.clone())).map_err(cannot_run)?;
            copy(values, prediction.slice_mut(s![rows.clone(), ..]));
            first = rows.end;
        }
        Ok(())
    }
}

/// ONNX Runtime failed in the middle of its work.
fn cannot_run(error: ort::Error) -> PredictError {
    PredictError::Backend { backend: "ONNX Runtime", source: error.into() }
}

/// Copies rows that lie one after the other.
fn copy(rows: &[f32], mut prediction: ArrayViewMut2<'_, f32>) {
    match prediction.as_slice_mut() {
        Some(prediction) => prediction.copy_from_slice(rows),
        None => prediction.iter_mut().zip(rows).for_each(|(to, from)| *to = *from),
    }
}

/// Why ONNX Runtime does not open a graph.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("ONNX Runtime cannot open it as a graph ({0}); export it again")]
    NoGraph(ort::Error),
    #[error("{provider} cannot run the whole of it ({error}); cpu runs any graph")]
    NotWhole { provider: ExecutionProvider, error: ort::Error },
}

fn refused(path: &Path, refusal: Refusal) -> GraphError {
    GraphError::Refused { path: path.to_path_buf(), error: refusal.into() }
}

/// The inputs and the outputs of a graph, not yet checked against the manifest.
pub(crate) fn tensors_of(path: &Path, runtime: &Runtime) -> Result<GraphTensors, GraphError> {
    Ok(tensors(&open(path, runtime, 1, Idle::Spin)?))
}

/// Opens a graph on the processor.
fn open(path: &Path, runtime: &Runtime, threads: usize, idle: Idle) -> Result<Session, GraphError> {
    let how = Execution { provider: ExecutionProvider::Cpu, precision: Precision::F32, threads, idle, device: 0 };
    sessions::open(File::At(path), runtime, how, &[]).map_err(|error| refused(path, Refusal::NoGraph(error)))
}

/// The inputs and the outputs of a session's graph.
fn tensors(session: &Session) -> GraphTensors {
    let all = |tensors: &[ort::value::Outlet]| tensors.iter().map(tensor).collect();
    GraphTensors { inputs: all(session.inputs()), outputs: all(session.outputs()) }
}

fn tensor(tensor_info: &ort::value::Outlet) -> TensorInfo {
    let kind = match tensor_info.dtype() {
        ValueType::Tensor { ty, shape, dimension_symbols } => {
            let sizes = shape.iter().zip(dimension_symbols.iter());
            let size = |(&size, name): (&i64, &String)| match size {
                -1 => Dimension::Open(name.clone()),
                size => Dimension::Fixed(size),
            };
            ValueKind::Tensor { element: ty.to_string().as_str().into(), shape: sizes.map(size).collect() }
        }
        other => ValueKind::Other(other.to_string()),
    };
    TensorInfo { name: tensor_info.name().into(), kind }
}
