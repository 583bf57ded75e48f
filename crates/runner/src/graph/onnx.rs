//! A graph that ONNX Runtime runs.

mod beside;
mod condition;
mod form;
mod given;
mod sessions;
mod tensors;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ndarray::ArrayViewMut2;
use ort::{session::Session, value::ValueType};
use parapolicy_engine::{Work, WorkByStage};

use self::{
    beside::Beside,
    form::ToOpen,
    given::Given,
    sessions::{File, Sessions},
};
use super::{
    Batch, GraphError, Outlet, Outlets,
    check::{self, TimestepType},
    copy, native,
    outlet::{Kind, Size},
};
use crate::{Idle, Manifest, Precision, PredictError, ProviderName, Runtime, runtime::Execution};

/// Open sessions.
#[derive(Debug)]
pub(crate) struct Onnx {
    path: PathBuf,
    sessions: Sessions,
    layout: Layout,
    beside: Beside,
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
        // Whatever is to run it: what it is made of, ONNX Runtime's own kernels say.
        let reading = open(path, runtime, how.threads, how.idle)?;
        let outlets = Outlets::from(&reading);
        let accepted = check::denoiser(&outlets, manifest)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let denoiser = &manifest.denoiser;
        let layout = Layout {
            sample: denoiser.sample.clone(),
            prediction: denoiser.prediction.clone(),
            copies_inputs: how.copies_inputs(),
            plan: [manifest.horizon, manifest.plan_dim()],
        };
        let given = Given {
            timestep: denoiser.timestep.clone(),
            timestep_type: accepted.timestep,
            observation: denoiser.observation.clone(),
            seen: accepted.seen,
        };
        let graph = ToOpen { path, outlets: &outlets, runtime, how };
        let last = manifest.scheduler.num_train_timesteps as i64 - 1;
        let (sessions, beside) = graph.open(reading, &layout, given, last)?;
        Ok(Self { path: path.to_path_buf(), sessions, layout, beside })
    }

    /// What a batch of `rows` takes, by the engine's account.
    pub fn work(&self, manifest: &Manifest, precision: Precision, rows: usize) -> Result<Work, GraphError> {
        let WorkByStage { condition, layers } = native::work(&self.path, manifest, precision, rows)?;
        Ok(match self.beside {
            Beside::Given(_) => condition + layers,
            Beside::Condition(_) => layers,
        })
    }

    /// The observations of the batches to come are others.
    pub fn bind(&mut self) {
        self.beside.bind();
    }

    pub fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let Self { sessions, layout, beside, .. } = self;
        let mut first = 0;
        while first < batch.timesteps.len() {
            let (session, tensors) = sessions.of(batch.timesteps.len() - first, layout, beside)?;
            let rows = first..batch.timesteps.len().min(first + tensors.rows());
            let values = tensors.run(session, layout, beside, batch.part(rows.clone()))?;
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
    sessions::open(File::At(path), runtime, how, &[])
        .map_err(|error| GraphError::Open { path: path.to_path_buf(), error })
}

impl From<&Session> for Outlets {
    fn from(session: &Session) -> Self {
        let outlets = |outlets: &[ort::value::Outlet]| outlets.iter().map(tensor_info).collect();
        Self { inputs: outlets(session.inputs()), outputs: outlets(session.outputs()) }
    }
}

fn tensor_info(outlet: &ort::value::Outlet) -> Outlet {
    let kind = match outlet.dtype() {
        ValueType::Tensor { ty, shape, dimension_symbols } => {
            let sizes = shape.iter().zip(dimension_symbols.iter());
            let size = |(&size, name): (&i64, &String)| match size {
                -1 => Size::Open(name.clone()),
                size => Size::Fixed(size),
            };
            Kind::Tensor { element: ty.to_string().as_str().into(), shape: sizes.map(size).collect() }
        }
        other => Kind::Other(other.to_string()),
    };
    Outlet { name: outlet.name().into(), kind }
}
