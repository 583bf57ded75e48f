//! Denoisers that are no policies: samples of any shape, drawn for a label, for numbers, or for nothing.

mod manifest;

use std::path::Path;

use ndarray::{ArrayView1, ArrayView2};

pub use self::manifest::{ConditionConfig, DENOISER_MANIFEST_FILE, DenoiserManifest, SampleConfig};
use crate::{
    BoundDenoiser, BoundPlans, ConditionKind, PolicyError, PredictError, Provider, Signature, TaskError, opened::Opened,
};

/// A denoiser that is no policy, loaded: of images, say.
///
/// # Example
/// ```no_run
/// use ndarray::array;
/// use parapolicy_policy::{DenoiserNetwork, Inference};
/// use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let inference = Inference::default();
/// let mut network = DenoiserNetwork::load("digits".as_ref(), &inference.open(&())?)?;
/// let dim = network.signature().sample_dim();
/// let table = Table::new(&network.signature().scheduler, Solver::Ddpm, 1000)?;
/// let mut sampler = Sampler::new(table, Strategy::sequential(), dim)?;
///
/// let label = array![7.0];
/// let sample = sampler.sample(&mut network.bind(label.view())?, &Noise::draw(0, 1000, dim))?;
/// assert_eq!(sample.sample().len(), 64); // 1 × 8 × 8
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DenoiserNetwork {
    manifest: DenoiserManifest,
    opened: Opened,
    /// `[samples, condition_dim]`.
    conditions: Vec<f32>,
}

impl DenoiserNetwork {
    /// Loads the denoiser in the directory `dir`: reads and validates its manifest, checks the graph's SHA-256, opens it
    /// and checks its inputs and output.
    ///
    /// # Errors
    /// The first thing that is wrong with the manifest or the graph; or the provider's inference names a task.
    pub fn load(dir: &Path, provider: &Provider) -> Result<Self, PolicyError> {
        let manifest = DenoiserManifest::load(dir)?;
        if let Some(name) = &provider.inference().task {
            return Err(TaskError::Untold { name: name.clone() }.into());
        }
        let opened = Opened::open(dir, manifest.signature(), provider)?;
        Ok(Self { manifest, opened, conditions: Vec::new() })
    }

    /// The manifest (`denoiser.json`).
    pub fn manifest(&self) -> &DenoiserManifest {
        &self.manifest
    }

    /// Shapes, names and scheduler.
    pub fn signature(&self) -> &Signature {
        &self.opened.signature
    }

    /// The provider that runs the graph.
    pub fn provider(&self) -> &Provider {
        &self.opened.provider
    }

    /// Checks that the graph can be asked about these timesteps, as [`Network::check_timesteps`](crate::Network::check_timesteps)
    /// does.
    ///
    /// # Errors
    /// [`PredictError::Timestep`] with the graph's input and the first timestep that is not whole.
    pub fn check_timesteps(&self, timesteps: &[f32]) -> Result<(), PredictError> {
        self.opened.check_timesteps(timesteps)
    }

    /// Binds a condition, flat: `[1]` with a label, the numbers in row-major order, or `[0]` where the graph sees nothing.
    ///
    /// # Errors
    /// A condition of another length, a label that is no class, or a number that is not finite; or this process was forked
    /// since the denoiser was loaded.
    pub fn bind(&mut self, condition: ArrayView1<'_, f64>) -> Result<BoundDenoiser<'_>, PolicyError> {
        Ok(self.bind_batched(condition.insert_axis(ndarray::Axis(0)))?.into_denoiser())
    }

    /// Binds a condition, as [`DenoiserNetwork::bind`] takes it, for each of several samples: `[samples, condition_dim]`.
    ///
    /// # Errors
    /// No sample at all; else as for [`DenoiserNetwork::bind`], with the sample's number.
    pub fn bind_batched(&mut self, conditions: ArrayView2<'_, f64>) -> Result<BoundPlans<'_>, PolicyError> {
        self.opened.check_process().map_err(|error| PolicyError::Bind(error.into()))?;
        let expected = self.signature().condition_dim();
        if conditions.ncols() != expected {
            return Err(PolicyError::ConditionLength { found: conditions.ncols(), expected });
        }
        if conditions.nrows() == 0 {
            return Err(PolicyError::NoPlans);
        }
        self.conditions.clear();
        for ((sample, index), &value) in conditions.indexed_iter() {
            check_number(self.opened.signature.classes(), sample, index, value)?;
            self.conditions.push(value as f32);
        }
        let Self { opened, conditions: bound, .. } = self;
        if expected > 0 {
            opened.graph.bind(bound).map_err(PolicyError::Bind)?;
        }
        Ok(BoundPlans::new(opened, bound, conditions.nrows()))
    }
}

/// Refuses what is no label, or no number that a network computes with.
fn check_number(classes: Option<usize>, sample: usize, index: usize, value: f64) -> Result<(), PolicyError> {
    match classes {
        Some(classes) => {
            let is_class = value.fract() == 0.0 && (0.0..classes as f64).contains(&value);
            if is_class { Ok(()) } else { Err(PolicyError::Label { sample, value, classes }) }
        }
        None if (value as f32).is_finite() => Ok(()),
        None => Err(PolicyError::ConditionValue { sample, index, value }),
    }
}

impl DenoiserManifest {
    /// What a backend has to know of the denoiser.
    pub fn signature(&self) -> Signature {
        let condition = |config: &ConditionConfig| {
            let (sizes, kind) = match (config.classes, &config.shape) {
                (Some(classes), _) => (Vec::new(), ConditionKind::Label { classes }),
                (None, shape) => (shape.clone().unwrap_or_default(), ConditionKind::Numbers),
            };
            crate::Condition { field: "condition.input", input: config.input.clone(), sizes, kind }
        };
        Signature {
            manifest: DENOISER_MANIFEST_FILE,
            sample: self.sample.shape.clone(),
            condition: self.condition.as_ref().map(condition),
            graph: self.denoiser.clone(),
            scheduler: self.scheduler.clone(),
        }
    }
}
