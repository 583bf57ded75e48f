//! An episode with plans that are chosen, and that may be late.

use ndarray::{Array1, Array2, Array3, Axis, s};
use parapolicy_control::{BoxError, Environment as _, noise_seed};
use parapolicy_policy::{Network, ObservationHistory};
use parapolicy_pusht::PushT;
use parapolicy_sampler::{BatchedSampler, Noise};

use super::choice::{Chosen, PLANS, Rule, choose, stacked};

/// How an episode went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    /// The largest of any step.
    pub reward: f64,
    pub success: bool,
    pub steps: usize,
    /// Plans but for the first.
    pub plans: usize,
    /// Of these: how many were drawn where the policy was torn, and how many changed their mind.
    pub torn: usize,
    pub switches: usize,
    /// Mean distance of a plan from what was intended, px.
    pub jump: f64,
}

pub struct Loop<'a> {
    pub network: &'a mut Network,
    pub sampler: &'a mut BatchedSampler,
    pub environment: &'a mut PushT,
    /// Control steps from an observation to the plan's being in force.
    pub delay: usize,
}

/// Actions from the time of an observation on.
struct Plan {
    actions: Array2<f64>,
    observed: usize,
}

impl Loop<'_> {
    pub fn play(mut self, rule: Rule, seed: u64) -> Result<Played, BoxError> {
        let manifest = self.network.manifest();
        let (every, observations) = (manifest.executed_steps().len(), manifest.n_obs_steps);
        let mut history = ObservationHistory::new(observations, manifest.observation_dim());
        let mut observation = Array1::zeros(self.environment.observation_dim());
        let (mut played, mut in_force, mut next): (Played, Option<Plan>, Option<Plan>) =
            (Played::default(), None, None);
        self.environment.reset(seed)?;
        for step in 0.. {
            self.environment.observe(observation.view_mut())?;
            history.push(observation.view());
            if step % every == 0 {
                let plans = self.draw(&history, seed, (step / every) as u64)?;
                let chosen = match &in_force {
                    None => Chosen::default(),
                    Some(plan) => {
                        let intended = plan.actions.slice(s![step - plan.observed.., ..]);
                        played.plans += 1;
                        choose(rule, self.network, &self.network.origin(history.view())?, &plans, intended)?
                    }
                };
                played.torn += usize::from(chosen.torn);
                played.switches += usize::from(chosen.switched);
                played.jump += chosen.jump;
                next = Some(Plan { actions: plans.index_axis_move(Axis(0), chosen.plan), observed: step });
            }
            if next.as_ref().is_some_and(|plan| step == plan.observed + self.delay) {
                in_force = next.take();
            }
            let action = match &in_force {
                Some(plan) => plan.actions.row(step - plan.observed).to_owned(),
                None => self.environment.resting_action(),
            };
            let outcome = self.environment.step(action.view())?;
            played.reward = played.reward.max(outcome.reward);
            played.success |= outcome.success;
            played.steps += 1;
            if outcome.over {
                break;
            }
        }
        played.jump /= played.plans.max(1) as f64;
        Ok(played)
    }

    /// K plans for the newest observation, `[K, actions, action_dim]`; the first has the noise that `run` gives it.
    fn draw(&mut self, history: &ObservationHistory, seed: u64, number: u64) -> Result<Array3<f64>, BoxError> {
        let (steps, dim) = (self.sampler.table().steps(), self.sampler.dim());
        let of = |plan: u64| Noise::draw(noise_seed(seed, number + (plan << 16)), steps, dim);
        let noises: Vec<Noise> = (0..PLANS as u64).map(of).collect();
        let origin = self.network.origin(history.view())?;
        let mut denoiser = self.network.bind(history.view())?;
        let samples = self.sampler.sample(&mut denoiser, &noises)?;
        let raw: Vec<Array2<f64>> = samples.iter().map(|drawn| self.network.actions(drawn.sample(), &origin)).collect();
        stacked(self.network, &raw)
    }
}
