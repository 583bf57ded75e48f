//! A graph that ONNX Runtime runs.

mod conditioning;
mod conditioning_inputs;
mod encoder;
#[cfg(test)]
mod mutants;
mod partitioned;
mod precomputed;
#[cfg(test)]
mod random_graphs;
mod sessions;
mod tensors;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ndarray::{ArrayViewMut2, s};
use ort::{session::Session, value::ValueType};
use parapolicy_engine::{Work, WorkByStage};
use parapolicy_onnx::{Dimension, Graph, LeftOut, OPSETS, OnnxError, TensorInfo, ValueKind, external_tensor, left_out};
use parapolicy_policy::{
    Batch, Condition, ConditionKind, GraphError, GraphFile, GraphTensors, Idle, OpenDenoiser, Precision, PredictError,
    Signature, TimestepType, work_of,
};
use parapolicy_sampler::BoxError;

pub(crate) use self::encoder::Encoder;
use self::{
    conditioning::Conditioning, conditioning_inputs::ConditioningInputs, partitioned::ToOpen, sessions::Sessions,
};
use crate::{ExecutionProvider, Runtime, runtime::Execution};

/// Open sessions.
#[derive(Debug)]
pub(crate) struct Onnx {
    path: PathBuf,
    sha256: String,
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
    /// Sizes of a sample.
    plan: Vec<usize>,
}

impl Onnx {
    pub fn open(
        file: &GraphFile,
        signature: &Signature,
        runtime: &Runtime,
        how: Execution,
    ) -> Result<Self, GraphError> {
        let path = file.path();
        // The tensors are read with ONNX Runtime's own kernels, whichever provider will run the graph.
        let reading = open(file, runtime, how.threads, how.idle)?;
        let tensors = tensors(&reading);
        let accepted = tensors
            .denoiser(signature)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let denoiser = &signature.graph;
        let layout = Layout {
            sample: denoiser.sample.clone(),
            prediction: denoiser.prediction.clone(),
            copies_inputs: how.copies_inputs(),
            plan: signature.sample.clone(),
        };
        let conditioning_inputs = ConditioningInputs {
            timestep: denoiser.timestep.clone(),
            timestep_type: accepted.timestep,
            observation: signature.condition.as_ref().map(|condition| condition.input.clone()),
            is_label: matches!(&signature.condition, Some(Condition { kind: ConditionKind::Label { .. }, .. })),
            seen: accepted.seen,
        };
        let graph = ToOpen { file, tensors: &tensors, runtime, how };
        let (sessions, conditioning) = graph.open(reading, &layout, conditioning_inputs)?;
        let (path, sha256) = (path.to_path_buf(), file.sha256().to_owned());
        Ok(Self { path, sha256, sessions, layout, conditioning, timestep: accepted.timestep })
    }
}

/// Warns of versions of ONNX's operators that were not tested. ONNX Runtime decides for itself which it runs.
fn warn_of_version(graph: &Graph, path: &Path) {
    let Some(version) = graph.opset().filter(|version| !OPSETS.contains(version)) else { return };
    let (first, last) = (OPSETS.start(), OPSETS.end());
    tracing::warn!(
        path = %path.display(),
        "uses version {version} of ONNX's operators, but {first} to {last} were tested: export it with opset_version=18"
    );
}

impl OpenDenoiser for Onnx {
    fn timestep_type(&self) -> TimestepType {
        self.timestep
    }

    /// Counted by the engine.
    fn work(&self, signature: &Signature, precision: Precision, rows: usize) -> Result<Work, String> {
        // Read again, or it would be kept in memory for this alone.
        let file = GraphFile::of_sum(&self.path, &self.sha256);
        let WorkByStage { condition, layers } =
            work_of(&file, signature, precision, rows).map_err(|why| why.to_string())?;
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

/// The most numbers of a tensor whose sizes a graph states, 1 GiB of f32: ONNX Runtime would take the memory when it opens the
/// graph, before anything is known of the graph.
const LARGEST_TENSOR: usize = 1 << 28;

/// Why ONNX Runtime does not open a graph.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("ONNX Runtime cannot open it as a graph ({0}); export it again")]
    NoGraph(ort::Error),
    #[error("{0}")]
    NoModel(#[from] OnnxError),
    #[error(
        "keeps the numbers of tensor `{0}` in another file, which the sum of this one does not cover: export the graph with \
         all its weights in one"
    )]
    Elsewhere(String),
    #[error(
        "node `{node}` ({operator}) leaves out its input {input}, which ONNX Runtime reads all the same, and would end the \
         process: export the graph with the input, or with fewer inputs"
    )]
    LeftOut { node: String, operator: String, input: usize },
    #[error(
        "node `{node}` makes a tensor of the sizes {sizes:?}, more than 2^28 numbers: export a graph that asks for \
         less"
    )]
    Oversized { node: String, sizes: Vec<i64> },
    #[error("{provider} cannot run the whole of it ({error}); cpu runs any graph")]
    NotWhole { provider: ExecutionProvider, error: ort::Error },
}

fn refused(path: &Path, refusal: Refusal) -> GraphError {
    GraphError::Refused { path: path.to_path_buf(), error: refusal.into() }
}

/// The inputs and the outputs of a graph, not yet checked against the manifest.
pub(crate) fn tensors_of(file: &GraphFile, runtime: &Runtime) -> Result<GraphTensors, GraphError> {
    Ok(tensors(&open(file, runtime, 1, Idle::Spin)?))
}

/// Opens a graph on the processor, from the bytes that were read: ONNX Runtime would read a path once more, and of weights
/// in other files it would not be known what they are.
fn open(file: &GraphFile, runtime: &Runtime, threads: usize, idle: Idle) -> Result<Session, GraphError> {
    let bytes = file.bytes()?;
    let elsewhere = external_tensor(bytes.clone()).map_err(|error| refused(file.path(), error.into()))?;
    if let Some(tensor) = elsewhere {
        return Err(refused(file.path(), Refusal::Elsewhere(tensor)));
    }
    let left = left_out(bytes.clone()).map_err(|error| refused(file.path(), error.into()))?;
    if let Some(LeftOut { node, operator, input }) = left {
        return Err(refused(file.path(), Refusal::LeftOut { node, operator, input }));
    }
    let graph = Graph::read(bytes.clone()).map_err(|error| refused(file.path(), error.into()))?;
    if let Some((node, sizes)) = graph.oversized(LARGEST_TENSOR) {
        return Err(refused(file.path(), Refusal::Oversized { node: node.into(), sizes }));
    }
    warn_of_version(&graph, file.path());
    let how = Execution { provider: ExecutionProvider::Cpu, precision: Precision::F32, threads, idle, device: 0 };
    sessions::open(bytes, runtime, how, &[]).map_err(|error| refused(file.path(), Refusal::NoGraph(error)))
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
