//! How plans are drawn, said before anything is loaded: read, checked and warmed up in one place for every language.

mod error;
mod options;

use std::path::{Path, PathBuf};

use ndarray::Array2;
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_sampler::{BatchedSampler, Budget, ConfigError, Noise, Sampler, Solver, Strategy, Table, WindowConfig};

pub use self::error::RecipeError;
pub use self::options::{InferenceOptions, RecipeOptions, SamplingOptions, seconds};
use crate::{BoxError, DiffusionPolicy, Policy};

/// How plans are drawn: what a program in another language, or a worker that may have to begin anew, keeps.
///
/// # Example
/// ```
/// use parapolicy_control::{Recipe, RecipeOptions, SamplingOptions};
/// use parapolicy_policy::Backends;
/// use parapolicy_sampler::Strategies;
///
/// let sampling = SamplingOptions { sampler: Some("anderson"), window: Some(8), ..SamplingOptions::default() };
/// let options = RecipeOptions { sampling, ..RecipeOptions::default() };
/// let recipe = options.recipe(&Strategies::default(), &Backends::default())?;
/// assert_eq!((recipe.strategy.to_string(), recipe.strategy.window(), recipe.steps), ("anderson".into(), Some(8), 100));
/// # Ok::<(), parapolicy_control::RecipeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The order in which the network is asked.
    pub strategy: Strategy,
    /// The solver.
    pub solver: Solver,
    /// Denoising steps.
    pub steps: usize,
    /// What a plan may cost.
    pub budget: Budget,
    /// Where the network is run.
    pub inference: Inference,
}

impl Default for Recipe {
    /// `picard` with DDPM in 100 steps, by the engine on all cores.
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
    /// [`ConfigError`], with the field that makes no sense for it.
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

    fn table(&self, manifest: &Manifest) -> Result<Table, ConfigError> {
        Table::new(&manifest.scheduler, self.solver, self.steps)
    }

    /// Loads the policy in `directory`, makes a sampler for it, and draws a plan that nobody sees: what is done once, such as
    /// touching memory, is done then.
    ///
    /// # Errors
    /// [`RecipeError`], with the file or the field that is wrong; or the network fails.
    pub fn load(&self, directory: &Path) -> Result<(Network, Sampler), RecipeError> {
        self.budget.validate()?;
        let mut network = Network::load(directory, &self.inference.open(&())?)?;
        let mut sampler = self.sampler(network.manifest())?;
        warm_up(&mut network, &mut sampler, self.budget)?;
        Ok((network, sampler))
    }

    /// Makes policies for a [`Controller`](crate::controller::Controller): the first of what was `loaded` from `directory`,
    /// those after it, should one have panicked, loaded anew. If they are `observed`, their plans tell what they were after
    /// each round.
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

/// Draws a plan for an observation of zeros.
fn warm_up(network: &mut Network, sampler: &mut Sampler, budget: Budget) -> Result<(), RecipeError> {
    let manifest = network.manifest();
    let observation = Array2::zeros((manifest.n_obs_steps, manifest.observation_dim()));
    let noise = Noise::draw(0, sampler.table().steps(), sampler.dim());
    sampler.sample_within(budget, &mut network.bind(observation.view())?, &noise)?;
    sampler.cold_start();
    Ok(())
}
