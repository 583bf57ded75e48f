//! A graph that ONNX Runtime runs.

mod sessions;
mod tensors;

use std::path::{Path, PathBuf};

use ndarray::ArrayViewMut2;
use ort::{session::Session, value::ValueType};

use self::sessions::Sessions;
use super::{
    Batch, GraphError, Outlet, Outlets,
    check::{self, TimestepType},
    copy,
    outlet::{Kind, Size},
};
use crate::{Idle, Manifest, Precision, PredictError, ProviderName, Runtime, runtime::Execution};

/// Open sessions.
#[derive(Debug)]
pub(crate) struct Onnx {
    path: PathBuf,
    sessions: Sessions,
    layout: Layout,
    /// Counts the times that observations were bound.
    bound: u64,
}

/// What goes in and comes out.
#[derive(Debug)]
struct Layout {
    /// Names of the inputs, the observation if that is one, and of the output.
    sample: String,
    timestep: String,
    observation: Option<String>,
    prediction: String,
    timestep_type: TimestepType,
    /// Whether inputs are bound anew for every call.
    copies_inputs: bool,
    /// Shape of a plan and of an observation.
    plan: [usize; 2],
    seen: Vec<usize>,
}

impl Onnx {
    pub fn open(path: &Path, manifest: &Manifest, runtime: &Runtime, how: Execution) -> Result<Self, GraphError> {
        // Whatever is to run it: what it is made of, ONNX Runtime's own kernels say.
        let reading = open(path, runtime, how.threads, how.idle)?;
        let outlets = Outlets::from(&reading);
        let accepted = check::denoiser(&outlets, manifest)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let denoiser = &manifest.denoiser;
        let layout = Layout {
            sample: denoiser.sample.clone(),
            timestep: denoiser.timestep.clone(),
            observation: denoiser.observation.clone(),
            prediction: denoiser.prediction.clone(),
            timestep_type: accepted.timestep,
            copies_inputs: how.copies_inputs(),
            plan: [manifest.horizon, manifest.plan_dim()],
            seen: accepted.seen,
        };
        let sessions = match how.provider {
            ProviderName::Cpu => Sessions::open_size(reading),
            provider => Sessions::open(path, runtime, how, &outlets.batch_names())
                .map_err(|error| GraphError::Provider { path: path.to_path_buf(), provider, error })?,
        };
        Ok(Self { path: path.to_path_buf(), sessions, layout, bound: 0 })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The observations of the batches to come are others.
    pub fn bind(&mut self) {
        self.bound += 1;
    }

    pub fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let mut first = 0;
        while first < batch.timesteps.len() {
            let (session, tensors) = self.sessions.of(batch.timesteps.len() - first, &self.layout)?;
            let rows = first..batch.timesteps.len().min(first + tensors.rows());
            let values = tensors.run(session, &self.layout, batch.part(rows.clone()), self.bound)?;
            copy(values, prediction.slice_mut(ndarray::s![rows.clone(), ..]));
            first = rows.end;
        }
        Ok(())
    }
}

/// The inputs and the outputs of a graph that need not be what a manifest says.
pub(super) fn outlets(path: &Path, runtime: &Runtime) -> Result<Outlets, GraphError> {
    Ok(Outlets::from(&open(path, runtime, 1, Idle::Spin)?))
}

/// Opens a graph on the processor.
pub(super) fn open(path: &Path, runtime: &Runtime, threads: usize, idle: Idle) -> Result<Session, GraphError> {
    let how = Execution { provider: ProviderName::Cpu, precision: Precision::F32, threads, idle, device: 0 };
    sessions::open(path, runtime, how, &[]).map_err(|error| GraphError::Open { path: path.to_path_buf(), error })
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
