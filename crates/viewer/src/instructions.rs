//! What the program is told to show, as `parapolicy view` tells it: one argument, in JSON.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parapolicy_control::{BoxError, DiffusionPolicy, Policy, Recipe, log};
use parapolicy_pusht::Scenario;
use parapolicy_policy::{Inference, Manifest};
use parapolicy_sampler::{Strategy, WindowConfig};
use serde::Deserialize;

use crate::order::Order;
use crate::play::Play;
use crate::replay::Replay;
use crate::session::Session;
use crate::setup::{Clock, MakePolicy, Setup};
use crate::{ViewError, screenshot, window};

/// What to show, and where. Names are those of the command line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    model: PathBuf,
    provider: String,
    precision: String,
    threads: usize,
    pin: bool,
    devices: Vec<u32>,
    ort_lib: Option<PathBuf>,
    sampler: String,
    window: Option<usize>,
    tolerance: f64,
    solver: String,
    steps: usize,
    scenarios: Vec<PathBuf>,
    seed: u64,
    clock: Clock,
    demos: PathBuf,
    replay: Option<PathBuf>,
    screenshot: Option<PathBuf>,
    step: usize,
}

/// Why they cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for makes no sense, or a file is wrong.
    #[error("{0}")]
    Input(BoxError),
    /// This machine cannot show it.
    #[error(transparent)]
    View(#[from] ViewError),
}

impl Instructions {
    /// Opens the window and waits until it is closed, or draws what it would show.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn carry_out(&self) -> Result<(), Failure> {
        if let Some(path) = &self.replay {
            let mut replay = replayed(path).map_err(Failure::Input)?;
            replay.go_to(self.step);
            return self.show(replay, Vec::new());
        }
        let setup = self.setup().map_err(Failure::Input)?;
        let scenarios = setup.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
        let mut session = Session::new(setup).map_err(Failure::Input)?;
        if self.screenshot.is_some() {
            session.play_until(self.step).map_err(Failure::Input)?;
        }
        self.show(session, scenarios)
    }

    /// In a window, or as a picture.
    fn show(&self, mut play: impl Play, scenarios: Vec<String>) -> Result<(), Failure> {
        match &self.screenshot {
            Some(path) => screenshot::save(&screenshot::picture(play.scene(), scenarios)?, path)?,
            None => {
                play.order(Order::Pause(false));
                window::open(play, scenarios)?;
            }
        }
        Ok(())
    }

    fn setup(&self) -> Result<Setup, BoxError> {
        let scenarios = self.scenarios.iter().map(|path| Scenario::load(path)).collect::<Result<_, _>>()?;
        let (manifest, recipe) = (Manifest::load(&self.model)?, self.recipe()?);
        // Now, so that a model that cannot be used is refused.
        recipe.load(&self.model)?;
        let (make, seed, clock, demos) = (make(self.model.clone()), self.seed, self.clock, self.demos.clone());
        Ok(Setup { manifest, make, recipe, scenarios, scenario: 0, seed, clock, demos })
    }

    fn recipe(&self) -> Result<Recipe, BoxError> {
        let strategy: Strategy = self.sampler.parse()?;
        let window = self.window.or(strategy.window()).unwrap_or_default();
        let (provider, precision) = (self.provider.parse()?, self.precision.parse()?);
        Ok(Recipe {
            strategy: strategy.with_window(WindowConfig { window, tolerance: self.tolerance }),
            solver: self.solver.parse()?,
            steps: self.steps,
            inference: Inference {
                provider,
                precision,
                threads: self.threads,
                pinned: self.pin,
                devices: self.devices.clone(),
                library: self.ort_lib.clone(),
                ..Inference::default()
            },
            ..Recipe::default()
        })
    }
}

/// Policies whose plans tell of their rounds.
fn make(model: PathBuf) -> MakePolicy {
    Arc::new(move |recipe: &Recipe| {
        let (network, sampler) = recipe.load(&model)?;
        let policy = DiffusionPolicy::new(network, sampler).within(recipe.budget).watched();
        Ok::<Box<dyn Policy>, BoxError>(Box::new(policy))
    })
}

fn replayed(path: &Path) -> Result<Replay, BoxError> {
    Replay::new(log::read(path)?).map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `parapolicy view` says, as its own tests hold it.
    const SAID: &str = include_str!("../../cli/tests/snapshots/view__instructions.snap");

    #[test]
    fn what_the_command_line_says_is_understood() {
        let said = SAID.lines().find(|line| line.starts_with('{')).unwrap();
        let instructions: Instructions = serde_json::from_str(said).unwrap();
        let recipe = instructions.recipe().unwrap();
        assert_eq!((recipe.steps, recipe.strategy.window(), instructions.clock), (10, Some(8), Clock::Real));
    }
}
