//! `auto`, for who draws plans: the fastest strategy for a policy on this machine, by what is known of it or measured now.

use std::path::Path;

use parapolicy_control::{Recipe, RecipeError};
use parapolicy_policy::Network;
use parapolicy_sampler::{Sampler, WindowConfig};

use super::{Calibration, CalibrationError, Sampling};

/// The name that asks for it, in place of a strategy's.
pub const AUTO: &str = "auto";

/// Why the fastest strategy was not found, or the policy not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FastestError {
    /// The policy cannot be loaded, or not be sampled like this.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// Its batches cannot be measured, or what is known of them not be read.
    #[error("sampler `{AUTO}`")]
    Calibration(#[from] CalibrationError),
}

impl Calibration {
    /// The recipe with the strategy that is fastest for the policy on this machine, and keeps the tolerance of the recipe's own.
    /// What is not known is measured, which takes some seconds, and is kept for the next time; `stopped` may end it.
    ///
    /// # Errors
    /// A sampling that does not fit the policy, a network that fails, a cache directory that cannot be written to.
    pub fn fastest(
        policy: &mut Network,
        recipe: Recipe,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Recipe, CalibrationError> {
        let tolerance = recipe.strategy.tolerance().unwrap_or(WindowConfig::default().tolerance);
        let sampling = Sampling { solver: recipe.solver, steps: recipe.steps, tolerance };
        sampling.validate(policy)?;
        let known = Self::load(policy)?;
        let mut calibration = match known {
            Some(known) => known,
            None => {
                Self::check_store(policy)?;
                Self::measure_unless(policy, stopped)?
            }
        };
        if calibration.profiled(&sampling).is_none() {
            calibration.profile(policy, &sampling, &[])?;
            calibration.store()?;
        }
        let strategy = calibration.choose(&sampling)?.best.strategy;
        Ok(Recipe { strategy, ..recipe })
    }

    /// Loads the policy in `directory` as [`Recipe::load`] does, for the fastest strategy; and the recipe with it.
    ///
    /// # Errors
    /// [`FastestError`]: as [`Recipe::load`] and [`Calibration::fastest`].
    pub fn load_fastest(recipe: Recipe, directory: &Path) -> Result<(Recipe, (Network, Sampler)), FastestError> {
        let (mut network, _) = recipe.load(directory)?;
        let recipe = Self::fastest(&mut network, recipe, &|| false)?;
        let sampler = recipe.sampler(network.manifest()).map_err(RecipeError::from)?;
        Ok((recipe, (network, sampler)))
    }
}
