use std::path::{Path, PathBuf};

use parapolicy_policy::{Inference, InferenceError, Network, PolicyError};
use parapolicy_sampler::{Budget, ConfigError, Sampler, Solver, Strategy, Table, WindowConfig};
use thiserror::Error;

use crate::{BoxError, DiffusionPolicy, Policy};

/// How plans are drawn, said before anything is loaded: what a program in another language, or a worker that may have to
/// begin anew, keeps.
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

/// Why a policy cannot be made ready.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// There can be no inference there.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The policy cannot be loaded.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Solver, steps, strategy or budget make no sense, alone or for this policy.
    #[error(transparent)]
    Config(#[from] ConfigError),
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
    /// Loads the policy in `directory` and makes a sampler for it.
    ///
    /// # Errors
    /// [`RecipeError`], with the file or the field that is wrong.
    pub fn load(&self, directory: &Path) -> Result<(Network, Sampler), RecipeError> {
        self.budget.validate()?;
        let network = Network::load(directory, &self.inference.open(&())?)?;
        let table = Table::new(&network.manifest().scheduler, self.solver, self.steps)?;
        let sampler = Sampler::new(table, self.strategy, network.manifest().sample_dim())?;
        Ok((network, sampler))
    }

    /// Makes policies for a [`Controller`](crate::controller::Controller): the first of what was `loaded` from `directory`,
    /// those after it, should one have panicked, loaded anew. If they are `watched`, their plans tell what they were after
    /// each round.
    pub fn maker(
        self,
        directory: PathBuf,
        loaded: (Network, Sampler),
        watched: bool,
    ) -> impl FnMut() -> Result<Box<dyn Policy>, BoxError> + Send + 'static {
        let mut first = Some(loaded);
        move || {
            let (network, sampler) = first.take().map_or_else(|| self.load(&directory), Ok)?;
            let policy = DiffusionPolicy::new(network, sampler).within(self.budget);
            Ok(Box::new(if watched { policy.watched() } else { policy }))
        }
    }
}
