//! What the program is told to show, as `parapolicy view` tells it: one argument, in JSON.

use std::path::{Path, PathBuf};

use parapolicy_control::controller::Continuity;
use parapolicy_control::{BoxError, InferenceOptions, Recipe, RecipeError, RecipeOptions, SamplingOptions};
use parapolicy_ort::backends;
use parapolicy_policy::Manifest;
use parapolicy_pusht::{PushTError, Scenario};
use parapolicy_sampler::Strategies;
use serde::Deserialize;
use thiserror::Error;

use crate::order::Order;
use crate::play::Play;
use crate::replay::Replay;
use crate::session::Session;
use crate::setup::{Clock, Setup, drawers, policies};
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
    task: Option<String>,
    sampler: String,
    window: Option<usize>,
    tolerance: f64,
    solver: String,
    steps: usize,
    scenarios: Vec<PathBuf>,
    seed: u64,
    clock: Clock,
    continuity: String,
    demos: PathBuf,
    replay: Option<PathBuf>,
    screenshot: Option<PathBuf>,
    step: usize,
}

/// Why they cannot be carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
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
        let mut session = Session::new(setup).map_err(|error| Failure::Input(elsewhere(error)))?;
        if self.screenshot.is_some() {
            session.play_until(self.step).map_err(Failure::Input)?;
        }
        self.show(session, scenarios)
    }

    /// In a window, or as a picture.
    fn show(&self, mut play: impl Play, scenarios: Vec<String>) -> Result<(), Failure> {
        match &self.screenshot {
            Some(path) => {
                let pixels = screenshot::picture(play.scene(), scenarios, screenshot::SIZE)?;
                screenshot::save(&pixels, screenshot::SIZE, path)?;
            }
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
        let (make, draw_many) = (policies(self.model.clone()), drawers(self.model.clone()));
        let (seed, clock, demos) = (self.seed, self.clock, self.demos.clone());
        let continuity = self.continuity.parse::<Continuity>()?;
        Ok(Setup { manifest, make, draw_many, recipe, continuity, scenarios, scenario: 0, seed, clock, demos })
    }

    fn recipe(&self) -> Result<Recipe, RecipeError> {
        let sampling = SamplingOptions {
            sampler: Some(&self.sampler),
            solver: Some(&self.solver),
            steps: Some(self.steps),
            window: self.window,
            tolerance: Some(self.tolerance),
            ..SamplingOptions::default()
        };
        let inference = InferenceOptions {
            provider: Some(&self.provider),
            precision: Some(&self.precision),
            threads: self.threads,
            pinned: self.pin,
            devices: self.devices.clone(),
            library: self.ort_lib.clone(),
            task: self.task.as_deref(),
            ..InferenceOptions::default()
        };
        RecipeOptions { sampling, inference }.recipe(&self.model, &Strategies::default(), &backends())
    }
}

/// A policy of another environment can be watched all the same.
fn elsewhere(error: BoxError) -> BoxError {
    if !error.is::<PushTError>() {
        return error;
    }
    format!("{error}. What it does elsewhere is shown from a log: parapolicy run --out FOLDER, then view --replay FOLDER/episodes.mcap").into()
}

fn replayed(path: &Path) -> Result<Replay, BoxError> {
    Replay::new(parapolicy_log::read(path)?).map_err(|error| format!("{}: {error}", path.display()).into())
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
