//! The samplers that are compared.

use std::path::Path;

use parapolicy_control::{InferenceOptions, Recipe};
use parapolicy_eval::SamplerRun;
use parapolicy_policy::Network;
use parapolicy_sampler::{Budget, Sampler, Strategy};
use pyo3::exceptions::PyValueError;

use crate::failure::Failure;
use crate::recipe::Sampling;

/// One sampler of the comparison.
pub struct Contender {
    recipe: Recipe,
    sampler: Option<Sampler>,
    pub run: SamplerRun,
}

impl Contender {
    /// The samplers of these names; with the options of a `tuned` one, that alone.
    pub fn all(
        names: &[String],
        options: &Sampling,
        directory: &Path,
        inference: InferenceOptions<'_>,
    ) -> Result<Vec<Self>, Failure> {
        if let Some(twice) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
            return Err(PyValueError::new_err(format!("samplers: {} is named twice", twice.1)).into());
        }
        if options.is_tuned() {
            return Ok(vec![Self::of(options.recipe_in(directory, inference)?)]);
        }
        let of = |name: &String| -> Result<Self, Failure> {
            Ok(Self::of(options.with_sampler(name).recipe_in(directory, inference.clone())?))
        };
        names.iter().map(of).collect()
    }

    /// The reference takes what time it needs, as in the program.
    fn of(recipe: Recipe) -> Self {
        let is_reference = recipe.strategy == Strategy::sequential();
        let recipe = if is_reference { Recipe { budget: Budget::default(), ..recipe } } else { recipe };
        let strategy = recipe.strategy;
        let run = SamplerRun::new(strategy.to_string(), strategy.window(), strategy.tolerance());
        Self { recipe, sampler: None, run }
    }

    /// How its plans are drawn.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Makes the sampler for the network's policy.
    pub fn prepare(&mut self, network: &Network) -> Result<(), Failure> {
        let sampler = self.sampler.insert(self.recipe.sampler(network.manifest())?);
        Ok(network.check_timesteps(sampler.table().timesteps())?)
    }

    /// The sampler, and what is known of its plans.
    pub fn parts(&mut self) -> Option<(&mut Sampler, Budget, &mut SamplerRun)> {
        Some((self.sampler.as_mut()?, self.recipe.budget, &mut self.run))
    }
}
