//! A graph that the engine runs.

use std::path::Path;

use ndarray::ArrayViewMut2;
use parapolicy_engine::{Engine, EngineError, Graph, Names, RunError, Threads, Work, WorkByStage, kernel::Kernel};

use super::{Batch, GraphError, Outlets, check, copy};
use crate::{Manifest, Precision, PredictError, Provider};

/// An engine, and room for what it predicts where that is not wanted contiguous.
#[derive(Debug)]
pub(crate) struct Native {
    engine: Engine,
    prediction: Vec<f32>,
}

impl Native {
    /// More threads than the engine can use are not started.
    pub fn open(path: &Path, manifest: &Manifest, kernel: Kernel, provider: &Provider) -> Result<Self, GraphError> {
        let graph = read(path)?;
        check::denoiser(&Outlets::from(&graph), manifest)
            .map_err(|problem| GraphError::Mismatch { path: path.to_path_buf(), problem })?;
        let names = names(path, manifest)?;
        let threads = Threads { count: provider.threads.min(Engine::THREADS), pinned: provider.pinned };
        let engine = Engine::on(&graph, &names, kernel, threads).map_err(|error| refused(path, error))?;
        Ok(Self { engine, prediction: Vec::new() })
    }

    pub fn work(&self, rows: usize) -> Work {
        self.engine.work(rows)
    }

    pub fn bind(&mut self, observations: &[f32]) -> Result<(), RunError> {
        self.engine.bind(observations)
    }

    pub fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let Batch { plans, samples, timesteps, .. } = batch;
        if let Some(prediction) = prediction.as_slice_mut() {
            return Ok(self.engine.run(plans, samples, timesteps, prediction)?);
        }
        self.prediction.resize(samples.len(), 0.0);
        self.engine.run(plans, samples, timesteps, &mut self.prediction)?;
        copy(&self.prediction, prediction);
        Ok(())
    }
}

/// The inputs and the outputs of a graph that need not be what a manifest says.
pub(super) fn outlets(path: &Path) -> Result<Outlets, GraphError> {
    Ok(Outlets::from(&read(path)?))
}

/// What a batch of `rows` takes by a graph that something else runs.
pub(super) fn work(
    path: &Path,
    manifest: &Manifest,
    precision: Precision,
    rows: usize,
) -> Result<WorkByStage, GraphError> {
    let names = names(path, manifest)?;
    WorkByStage::of(&read(path)?, &names, precision.bytes(), rows).map_err(|error| refused(path, error))
}

/// Those of a graph that is shown the observation.
fn names<'a>(path: &Path, manifest: &'a Manifest) -> Result<Names<'a>, GraphError> {
    let denoiser = &manifest.denoiser;
    let Some(observation) = &denoiser.observation else {
        return Err(GraphError::Inpainting { path: path.to_path_buf() });
    };
    Ok(Names { sample: &denoiser.sample, timestep: &denoiser.timestep, observation, prediction: &denoiser.prediction })
}

fn read(path: &Path) -> Result<Graph, GraphError> {
    let bytes = std::fs::read(path).map_err(|error| GraphError::Read { path: path.to_path_buf(), error })?;
    Graph::read(bytes).map_err(|error| refused(path, error.into()))
}

fn refused(path: &Path, error: EngineError) -> GraphError {
    GraphError::Native { path: path.to_path_buf(), error }
}

impl From<&Graph> for Outlets {
    fn from(graph: &Graph) -> Self {
        Self { inputs: graph.inputs.clone(), outputs: graph.outputs.clone() }
    }
}
