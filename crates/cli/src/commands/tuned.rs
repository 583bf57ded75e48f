//! `--tuned`: options as `tune` recommends them.

use std::path::Path;

use parapolicy_control::tuned::{Tuned, Wanted};
use parapolicy_control::{InferenceOptions, Recipe, RecipeOptions, SamplingOptions};
use parapolicy_policy::Manifest;
use parapolicy_sampler::{Strategies, WindowConfig};

use super::tune::tell_of;
use crate::args::{
    BenchArguments, ModelArguments, RunArguments, RuntimeArguments, SampleArguments, SamplingArguments, WindowArguments,
};
use crate::auto_provider::ProviderArgument;
use crate::auto_sampler::SamplerName;
use crate::backends::backends;
use crate::failure::{Failure, InputError as _};

impl RunArguments {
    /// The same with the sampler, solver, steps, window, threads and precision that `--tuned` comes to.
    pub fn settled(mut self) -> Result<Self, Failure> {
        let Some(within) = &self.tuned else { return Ok(self) };
        let recipe = self.model.tuned(within)?;
        (self.samplers, self.sampling) = (vec![SamplerName::Strategy(recipe.strategy)], sampling(&recipe));
        Ok(self)
    }
}

impl BenchArguments {
    /// The same, beside `sequential`.
    pub fn settled(mut self) -> Result<Self, Failure> {
        let Some(within) = &self.tuned else { return Ok(self) };
        let recipe = self.model.tuned(within)?;
        self.samplers = vec![SamplerName::Strategy(recipe.strategy)];
        (self.solvers, self.steps, self.window) = (vec![recipe.solver], vec![recipe.steps], window(&recipe));
        Ok(self)
    }
}

impl SampleArguments {
    /// As `run` has it.
    pub fn settled(mut self) -> Result<Self, Failure> {
        let Some(within) = &self.tuned else { return Ok(self) };
        let recipe = self.model.tuned(within)?;
        (self.sampler, self.sampling) = (Some(SamplerName::Strategy(recipe.strategy)), sampling(&recipe));
        Ok(self)
    }
}

impl ModelArguments {
    /// The recipe that is recommended for plans within a time; from here on the network is run as it says.
    fn tuned(&mut self, within: &str) -> Result<Recipe, Failure> {
        let Self { model, runtime } = self;
        runtime.tuned(model, within)
    }
}

impl RuntimeArguments {
    fn tuned(&mut self, model: &Path, within: &str) -> Result<Recipe, Failure> {
        let asked = self.asked(model)?;
        let precision = self.precision.map(|precision| precision.to_string());
        let inference = InferenceOptions {
            provider: Some(asked.provider.as_str()),
            precision: precision.as_deref(),
            threads: self.threads,
            pinned: asked.pinned,
            devices: asked.devices.clone(),
            library: asked.library.clone(),
            endpoints: asked.endpoints.clone(),
            task: asked.task.as_deref(),
        };
        let sampling = SamplingOptions { tuned: Some(within), ..SamplingOptions::default() };
        let options = RecipeOptions { sampling, inference };
        let recipe = options.recipe(model, &Strategies::default(), &backends()).input()?;
        let wanted = Wanted { precision, threads: (self.threads > 0).then_some(self.threads) };
        let tuned = Tuned::load(&Manifest::load(model).input()?, &asked).input()?;
        tell_of(&tuned, humantime::parse_duration(within).input()?, &wanted)?;
        self.provider = Some(ProviderArgument::Named(recipe.inference.provider));
        (self.precision, self.threads) = (Some(recipe.inference.precision), recipe.inference.threads);
        Ok(recipe)
    }
}

fn sampling(recipe: &Recipe) -> SamplingArguments {
    SamplingArguments { solver: recipe.solver, steps: recipe.steps, window: window(recipe) }
}

fn window(recipe: &Recipe) -> WindowArguments {
    let tolerance = recipe.strategy.tolerance().unwrap_or(WindowConfig::default().tolerance);
    WindowArguments { window: recipe.strategy.window(), tolerance, within: None }
}
