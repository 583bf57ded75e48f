//! How plans are sampled, described before anything is loaded. Options are parsed and checked, and policies loaded and
//! warmed up, in one place for every language.

mod error;
mod options;

use std::path::{Path, PathBuf};

use ndarray::Array2;
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_sampler::{
    BatchedSampler, Budget, ConfigError, Noise, RollingSampler, Sampler, Solver, Strategy, Table, WindowConfig,
};

pub use self::error::RecipeError;
pub use self::options::{InferenceOptions, RecipeOptions, SamplingOptions, seconds, usual_strategy};
use crate::{BoxError, DiffusionPolicy, Policy};

/// How plans are sampled. A binding to another language, or a worker that may have to reload its policy, keeps it.
///
/// # Example
/// ```
/// use parapolicy_control::{Recipe, RecipeOptions, SamplingOptions};
/// use parapolicy_policy::Backends;
/// use parapolicy_sampler::Strategies;
///
/// let sampling = SamplingOptions { sampler: Some("anderson"), window: Some(8), ..SamplingOptions::default() };
/// let options = RecipeOptions { sampling, ..RecipeOptions::default() };
/// let recipe = options.recipe("models/pusht".as_ref(), &Strategies::default(), &Backends::default())?;
/// assert_eq!((recipe.strategy.to_string(), recipe.strategy.window(), recipe.steps), ("anderson".into(), Some(8), 100));
/// # Ok::<(), parapolicy_control::RecipeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The order in which denoising steps are evaluated.
    pub strategy: Strategy,
    /// The solver.
    pub solver: Solver,
    /// Denoising steps.
    pub steps: usize,
    /// Limits on the rounds and the time of a plan.
    pub budget: Budget,
    /// Where the network is run.
    pub inference: Inference,
}

impl Default for Recipe {
    /// `picard` with DDPM in 100 steps, run by the engine on all cores.
    fn default() -> Self {
        Self {
            strategy: Strategy::picard(WindowConfig::default()),
            solver: Solver::Ddpm,
            steps: 100,
            budget: Budget::default(),
            inference: Inference::default(),
        }
    }
}

impl Recipe {
    /// A sampler for one plan at a time of the policy that `manifest` describes.
    ///
    /// # Errors
    /// [`ConfigError`], with the field that is invalid for it.
    pub fn sampler(&self, manifest: &Manifest) -> Result<Sampler, ConfigError> {
        Sampler::new(self.table(manifest)?, self.strategy, manifest.sample_dim())
    }

    /// A sampler for up to `plans` plans at a time.
    ///
    /// # Errors
    /// As [`Recipe::sampler`].
    pub fn batched_sampler(&self, manifest: &Manifest, plans: usize) -> Result<BatchedSampler, ConfigError> {
        BatchedSampler::new(self.table(manifest)?, self.strategy, manifest.sample_dim(), plans)
    }

    /// A sampler for up to `plans` plans at a time that come and go.
    ///
    /// # Errors
    /// As [`Recipe::sampler`].
    pub fn rolling_sampler(&self, manifest: &Manifest, plans: usize) -> Result<RollingSampler, ConfigError> {
        RollingSampler::new(self.table(manifest)?, self.strategy, manifest.sample_dim(), plans)
    }

    fn table(&self, manifest: &Manifest) -> Result<Table, ConfigError> {
        Table::new(&manifest.scheduler, self.solver, self.steps)
    }

    /// Loads the policy in `directory`, makes a sampler for it, and samples one plan as a warm-up, so that one-time
    /// work such as mapping memory is done.
    ///
    /// # Errors
    /// [`RecipeError`], with the file or the field that is wrong; or the network fails.
    pub fn load(&self, directory: &Path) -> Result<(Network, Sampler), RecipeError> {
        self.budget.validate()?;
        let mut network = Network::load(directory, &self.inference.open(&())?)?;
        let mut sampler = self.sampler(network.manifest())?;
        network.check_timesteps(sampler.table().timesteps()).map_err(RecipeError::Timesteps)?;
        warm_up(&mut network, &mut sampler, self.budget)?;
        Ok((network, sampler))
    }

    /// Makes policies for a [`Controller`](crate::controller::Controller): the first uses what was `loaded` from
    /// `directory`; those after a panic are loaded again. If `observed`, their plans keep their iterates after each
    /// round.
    pub fn maker(
        self,
        directory: PathBuf,
        loaded: (Network, Sampler),
        observed: bool,
    ) -> impl FnMut() -> Result<Box<dyn Policy>, BoxError> + Send + 'static {
        let mut first = Some(loaded);
        move || {
            let (network, sampler) = first.take().map_or_else(|| self.load(&directory), Ok)?;
            let policy = DiffusionPolicy::new(network, sampler).within(self.budget);
            Ok(Box::new(if observed { policy.observed() } else { policy }))
        }
    }
}

/// Samples a plan for an observation of zeros.
fn warm_up(network: &mut Network, sampler: &mut Sampler, budget: Budget) -> Result<(), RecipeError> {
    let manifest = network.manifest();
    let observation = Array2::zeros((manifest.n_obs_steps, manifest.observation_dim()));
    let noise = Noise::draw(0, sampler.table().steps(), sampler.dim());
    sampler.sample_within(budget, &mut network.bind(observation.view())?, &noise)?;
    sampler.cold_start();
    Ok(())
}
