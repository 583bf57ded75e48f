//! What can be chosen, and where policies come from.

use std::path::PathBuf;
use std::sync::Arc;

use parapolicy_control::{BoxError, Policy, Recipe};
use parapolicy_policy::Manifest;
use parapolicy_pusht::Scenario;
use serde::Deserialize;

/// Whether the world waits for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// It stands still while a plan is drawn.
    Lockstep,
    /// It goes on with the plan it has.
    Real,
}

/// Makes the policy that a recipe describes, in the thread that will ask it for plans.
pub type MakePolicy = Arc<dyn Fn(&Recipe) -> Result<Box<dyn Policy>, BoxError> + Send + Sync>;

/// Makes policies from the folder `model`, whose plans tell what they were after each round.
pub fn policies(model: PathBuf) -> MakePolicy {
    Arc::new(move |recipe| recipe.clone().maker(model.clone(), recipe.load(&model)?, true)())
}

/// What is played first, and what else can be.
#[derive(Clone)]
pub struct Setup {
    /// What the policy observes and how far it plans.
    pub manifest: Manifest,
    /// Where policies come from.
    pub make: MakePolicy,
    /// How plans are drawn.
    pub recipe: Recipe,
    /// What episodes can be like, at least one.
    pub scenarios: Vec<Scenario>,
    /// Which of them.
    pub scenario: usize,
    /// Which episode.
    pub seed: u64,
    /// Whether the world waits.
    pub clock: Clock,
    /// The folder for demonstrations.
    pub demos: PathBuf,
}
