//! A backend written outside of the policy crate, in one file. It runs no graph at all: it reads what a graph takes and
//! answers, and then answers as the exact denoiser of plans that stay near the robot.
//!
//! ```text
//! x̂0 = μ + α s² / (α² s² + σ²) · (x − α μ)       plans are normal around μ, with the deviation s
//! ε  = (x − α x̂0) / σ                            what such a network predicts
//! ```
//!
//! μ is the end of the newest observation, normalised: where the agent of `PushT` is.
//!
//! `cargo run -p parapolicy-policy --example outside_backend` draws a plan with it.

use std::{path::Path, sync::Arc};

use ndarray::{Array2, ArrayViewMut2};
use parapolicy_onnx::Graph;
use parapolicy_policy::{
    Backend, BackendError, BackendName, Backends, Batch, DuplicateBackend, EncoderGraph, GraphError, GraphFile,
    GraphTensors, Inference, InstallObserver, Manifest, Network, OpenBackend, OpenDenoiser, OpenEncoder, PredictError,
    Signature,
};
use parapolicy_sampler::{BoxError, Noise, PredictionType, Sampler, Solver, Strategy, Table};

/// s, in normalised units.
pub const DEVIATION: f32 = 0.1;

/// What the backend is: its name, and how it is opened. All else has a default.
#[derive(Debug)]
pub struct Standstill;

/// The backend as a value, for [`Inference`].
pub const STANDSTILL: BackendName = BackendName::of(&Standstill);

impl Backend for Standstill {
    fn name(&self) -> &'static str {
        "standstill"
    }

    /// There is nothing to install.
    fn installed_version(&self) -> Option<&'static str> {
        Some("1.0")
    }

    fn open(&self, _inference: &Inference, _: &dyn InstallObserver) -> Result<Arc<dyn OpenBackend>, BackendError> {
        Ok(Arc::new(OpenStandstill))
    }
}

/// The backend, open.
#[derive(Debug)]
struct OpenStandstill;

impl OpenBackend for OpenStandstill {
    fn version(&self) -> &str {
        "1.0"
    }

    fn title(&self) -> String {
        format!("standstill {}", self.version())
    }

    fn tensors(&self, graph: &GraphFile) -> Result<GraphTensors, GraphError> {
        let Graph { inputs, outputs, .. } = graph.graph()?;
        Ok(GraphTensors { inputs, outputs })
    }

    fn denoiser(
        &self,
        graph: &GraphFile,
        signature: &Signature,
        _device: u32,
    ) -> Result<Box<dyn OpenDenoiser>, GraphError> {
        let mismatch = |problem| GraphError::Mismatch { path: graph.path().to_path_buf(), problem };
        self.tensors(graph)?.denoiser(signature).map_err(mismatch)?;
        Ok(Box::new(Denoiser::new(signature).map_err(|error| refused(graph.path(), error))?))
    }

    /// Never asked for: it does not say that it runs encoders.
    fn encoder(&self, graph: &GraphFile, _: &Manifest, _: &EncoderGraph) -> Result<Box<dyn OpenEncoder>, GraphError> {
        Err(refused(graph.path(), "standstill runs no encoders"))
    }
}

fn refused(path: &Path, error: impl Into<BoxError>) -> GraphError {
    GraphError::Refused { path: path.to_path_buf(), error: error.into() }
}

/// A denoiser in closed form.
#[derive(Debug)]
struct Denoiser {
    /// α and σ of every training timestep.
    levels: Vec<[f32; 2]>,
    /// Length of a step of the plan.
    plan_dim: usize,
    /// Length of what is observed for a plan.
    seen: usize,
}

impl Denoiser {
    fn new(signature: &Signature) -> Result<Self, BoxError> {
        let last = |sizes: &[usize]| sizes.last().copied().unwrap_or_default();
        let plan_dim = last(&signature.sample);
        let seen_dim = signature.condition.as_ref().map_or(0, |condition| last(&condition.sizes));
        if signature.scheduler.prediction_type != PredictionType::Epsilon || seen_dim < plan_dim {
            return Err("standstill predicts noise, of plans that the end of an observation begins".into());
        }
        let steps = signature.scheduler.num_train_timesteps;
        let table = Table::new(&signature.scheduler, Solver::Ddim { eta: 0.0 }, steps)?;
        let mut levels = vec![[1.0, 1.0]; steps];
        for step in table.rows() {
            levels[step.timestep as usize] = [step.alpha, step.sigma];
        }
        Ok(Self { levels, plan_dim, seen: signature.condition_dim() })
    }
}

impl OpenDenoiser for Denoiser {
    /// Every batch brings its observations: nothing is prepared.
    fn bind(&mut self, _observations: &[f32]) -> Result<(), BoxError> {
        Ok(())
    }

    fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let dim = prediction.ncols();
        for (row, (&plan, &timestep)) in batch.plans.iter().zip(batch.timesteps).enumerate() {
            let end = (plan + 1) * self.seen;
            let mean = batch.observations[end - self.plan_dim..end].iter().cycle();
            let [alpha, sigma] = self.levels[timestep as usize];
            let gain = alpha * DEVIATION.powi(2) / (alpha.powi(2) * DEVIATION.powi(2) + sigma.powi(2));
            let sample = &batch.samples[row * dim..][..dim];
            for ((prediction, &x), &mean) in prediction.row_mut(row).iter_mut().zip(sample).zip(mean) {
                *prediction = (x - alpha * (mean + gain * (x - alpha * mean))) / sigma;
            }
        }
        Ok(())
    }
}

/// The list of backends with this one on it.
///
/// # Errors
/// Never: the name is free.
pub fn backends() -> Result<Backends, DuplicateBackend> {
    Backends::default().with(&Standstill)
}

/// The actions of a plan for an agent that stands at (x, y), in pixels: `[horizon, 2]`.
///
/// # Errors
/// A policy that cannot be loaded, or a sampler that does not fit it.
pub fn plan(models: &Path, provider: BackendName, agent: [f64; 2]) -> Result<Array2<f64>, BoxError> {
    let inference = Inference { provider, threads: 1, ..Inference::default() };
    let mut network = Network::load(&models.join("pusht"), &inference.open(&())?)?;
    let dim = network.manifest().sample_dim();
    let table = Table::new(&network.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 100)?;
    let mut sampler = Sampler::new(table, Strategy::sequential(), dim)?;
    let mut observation = Array2::from_elem((2, 20), 256.0);
    observation.rows_mut().into_iter().for_each(|mut row| (row[18], row[19]) = (agent[0], agent[1]));
    let origin = network.origin(observation.view())?;
    let mut bound = network.bind(observation.view())?;
    let sample = sampler.sample(&mut bound, &Noise::draw(0, 100, dim))?.sample().to_owned();
    Ok(network.actions(sample.view(), &origin))
}

fn main() -> Result<(), BoxError> {
    let provider = backends()?.parse("standstill")?;
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    println!("a plan for an agent at (180, 320), by {provider}:");
    println!("{:.1}", plan(models.as_ref(), provider, [180.0, 320.0])?);
    Ok(())
}
