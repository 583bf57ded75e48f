//! What can be chosen, and where policies come from.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use parapolicy_control::controller::Continuity;
use parapolicy_control::{BoxError, Policy, Recipe};
use parapolicy_policy::Manifest;
use parapolicy_pusht::Scenario;
use parapolicy_sampler::Noise;
use serde::Deserialize;

/// Plans that tell what a policy is torn between.
pub const PLANS: usize = 64;

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

/// Plans that were drawn for the same observation.
pub struct Drawn {
    /// From the time of the observation on, `[plans, actions, action_dim]`, px.
    pub actions: Array3<f64>,
    /// Those that are executed, likewise, normalised: what tells ways apart.
    pub compared: Array3<f64>,
}

/// Draws many plans for observations, `[n_obs_steps, observation_dim]`.
pub type Drawer = Box<dyn FnMut(ArrayView2<'_, f64>) -> Result<Drawn, BoxError>>;

/// Makes what draws many plans as a recipe describes, in the thread that will ask it for them.
pub type MakeDrawer = Arc<dyn Fn(&Recipe) -> Result<Drawer, BoxError> + Send + Sync>;

/// Makes what draws [`PLANS`] plans with the policy in the folder `model`, the same noise at every observation.
pub fn drawers(model: PathBuf) -> MakeDrawer {
    Arc::new(move |recipe| {
        let (mut network, _) = recipe.load(&model)?;
        let mut sampler = recipe.batched_sampler(network.manifest(), PLANS)?;
        let (steps, dim) = (sampler.table().steps(), sampler.dim());
        let noises: Vec<Noise> = (0..PLANS as u64).map(|plan| Noise::draw(plan, steps, dim)).collect();
        let executed = network.manifest().executed_steps();
        Ok(Box::new(move |observations| {
            let origin = network.origin(observations)?;
            let mut denoiser = network.bind(observations)?;
            let samples = sampler.sample(&mut denoiser, &noises)?;
            let raw: Vec<Array2<f64>> = samples.iter().map(|drawn| network.actions(drawn.sample(), &origin)).collect();
            let views: Vec<_> = raw.iter().map(|plan| plan.slice(s![executed.start.., ..])).collect();
            let actions = ndarray::stack(Axis(0), &views)?;
            let compared: Vec<f64> = raw
                .iter()
                .flat_map(|plan| network.normalized_actions(plan.slice(s![executed.clone(), ..]), &origin))
                .map(f64::from)
                .collect();
            let shape = (PLANS, executed.len(), actions.dim().2);
            Ok(Drawn { actions, compared: Array3::from_shape_vec(shape, compared)? })
        }))
    })
}

/// What is played first, and what else can be.
#[derive(Clone)]
pub struct Setup {
    /// What the policy observes and how far it plans.
    pub manifest: Manifest,
    /// Where policies come from.
    pub make: MakePolicy,
    /// Where many plans come from, to see what the policy is torn between.
    pub draw_many: MakeDrawer,
    /// How plans are drawn.
    pub recipe: Recipe,
    /// How plans relate to each other, where the world does not wait.
    pub continuity: Continuity,
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
