//! Observations, from a file or from the log of an episode.

use anyhow::{Context as _, anyhow, ensure};
use ndarray::{Array2, ArrayView1};
use parapolicy_log::{LoggedEpisode, LoggedPlan};
use parapolicy_policy::{Manifest, ObservationHistory};

use crate::args::ModesArguments;
use crate::failure::{Failure, InputError as _};
use crate::input::PlanInput;

/// Where a policy plans.
pub struct Situation {
    /// The control step, in an episode.
    pub step: Option<usize>,
    /// `[n_obs_steps, observation_dim]`, raw units.
    pub observation: Array2<f64>,
    /// The plan of the log, from the newest observation on, `[n, action_dim]`, raw units.
    pub executed: Option<Array2<f64>>,
    /// What the plan before had intended from here on, likewise.
    pub intended: Option<Array2<f64>>,
}

impl Situation {
    /// For errors.
    pub fn name(&self) -> String {
        self.step.map_or_else(|| "the observation".into(), |step| format!("the observation of control step {step}"))
    }
}

/// One, or those of an episode.
pub fn load(arguments: &ModesArguments, manifest: &Manifest) -> Result<Vec<Situation>, Failure> {
    if let Some(path) = &arguments.observations {
        let input = PlanInput::load(path).input()?;
        input.ensure_no_noise().with_context(|| path.display().to_string()).input()?;
        return Ok(vec![Situation { step: None, observation: input.observation, executed: None, intended: None }]);
    }
    let Some(path) = &arguments.episode else {
        return Err(anyhow!("--observations or --episode: one of them is needed")).input();
    };
    let episodes = parapolicy_log::read(path).input()?;
    let known: Vec<u64> = episodes.iter().map(|episode| episode.id).collect();
    let episode = episodes.into_iter().find(|episode| episode.id == arguments.id);
    let episode = episode.with_context(|| {
        let [first, last] = [known.first(), known.last()].map(|id| id.copied().unwrap_or_default());
        format!("{}: --id: has no episode {}, but those from {first} to {last}", path.display(), arguments.id)
    });
    let episode = episode.input()?;
    let mut situations = of_episode(&episode, manifest).with_context(|| path.display().to_string()).input()?;
    if let Some(at) = arguments.at {
        let last = situations.iter().rposition(|situation| situation.step.is_some_and(|step| step <= at)).unwrap_or(0);
        situations = situations.into_iter().skip(last).take(1).collect();
    }
    Ok(situations)
}

/// The observations of an episode at which plans were drawn.
fn of_episode(episode: &LoggedEpisode, manifest: &Manifest) -> anyhow::Result<Vec<Situation>> {
    let (observed, acted) = (manifest.observation_dim(), manifest.action_dim());
    for (step, logged) in episode.steps.iter().enumerate() {
        let (numbers, action) = (logged.observation.len(), logged.action.len());
        ensure!(
            numbers == observed,
            "the observation of control step {step} has {numbers} numbers, but this policy's has {observed}: name the policy that \
             was played, with --model"
        );
        ensure!(
            action == acted,
            "the action of control step {step} has {action} numbers, but this policy's has {acted}"
        );
    }
    let mut history = ObservationHistory::new(manifest.n_obs_steps, observed);
    let mut plans = episode.plans.iter().peekable();
    let (mut situations, mut before) = (Vec::new(), None::<(usize, &LoggedPlan)>);
    for (step, logged) in episode.steps.iter().enumerate() {
        history.push(ArrayView1::from(&logged.observation));
        // Plans are drawn for an observation: at its time, to what rounding leaves.
        let Some(plan) = plans.next_if(|plan| plan.observed <= logged.time + 1e-6) else { continue };
        if plan.actions.ncols() != acted {
            continue;
        }
        let intended = before.and_then(|(earlier, plan)| rest(&plan.actions, step - earlier));
        let executed = Some(plan.actions.clone());
        situations.push(Situation { step: Some(step), observation: history.view().to_owned(), executed, intended });
        before = Some((step, plan));
    }
    ensure!(!situations.is_empty(), "the episode has no plan");
    Ok(situations)
}

/// The actions of a plan that are left after `steps` of them.
fn rest(actions: &Array2<f64>, steps: usize) -> Option<Array2<f64>> {
    let left = actions.nrows().checked_sub(steps).filter(|left| *left > 0)?;
    Some(actions.slice(ndarray::s![actions.nrows() - left.., ..]).to_owned())
}
