//! What a warm-started plan takes over from the plan before it.

use ndarray::{Array1, Axis};
use parapolicy_policy::{Network, Origin};
use parapolicy_sampler::{Noise, Sampler};

/// What a plan takes over from the one before.
pub(super) enum Carry<'a> {
    Nothing,
    /// Warm start from the last x̂0, with its noise. The guess stays relative to what it was: that costs rounds at most.
    Guess(Option<Noise>),
    /// The plan itself, noised again, for a sampler without the first steps, and what its actions are relative to.
    Plan(&'a mut Sampler, Option<(Array1<f32>, Origin)>),
}

impl Carry<'_> {
    /// Forgets the last plan.
    pub fn reset(&mut self, sampler: &mut Sampler) {
        match self {
            Self::Nothing => {}
            Self::Guess(noise) => {
                *noise = None;
                sampler.cold_start();
            }
            Self::Plan(_, plan) => *plan = None,
        }
    }

    /// The sampler of the next plan and its noise; what it takes over is shifted forward by the actions `executed`, and
    /// is a plan for the observation that `origin` is of.
    pub fn begin<'s>(
        &'s mut self,
        sampler: &'s mut Sampler,
        seed: u64,
        executed: usize,
        network: &Network,
        origin: &Origin,
    ) -> (&'s mut Sampler, Noise) {
        let plan_dim = network.manifest().plan_dim();
        let values = executed * plan_dim;
        let draw = |sampler: &Sampler| Noise::draw(seed, sampler.table().steps(), sampler.dim());
        match self {
            Self::Guess(Some(noise)) => {
                noise.shift(values, seed);
                sampler.warm_start(values, plan_dim);
                (sampler, noise.clone())
            }
            Self::Plan(rest, Some((plan, before))) => {
                move_forward(plan, values, plan_dim);
                reanchor(network, plan, before, origin);
                let noise = draw(rest).around(plan.view(), rest.table());
                (rest, noise)
            }
            _ => {
                let noise = draw(sampler);
                (sampler, noise)
            }
        }
    }

    /// Keeps what the next plan takes over.
    pub fn keep(&mut self, noise: Noise, plan: &Array1<f32>, origin: &Origin) {
        match self {
            Self::Nothing => {}
            Self::Guess(last) => *last = Some(noise),
            Self::Plan(_, last) => *last = Some((plan.clone(), origin.clone())),
        }
    }
}

/// Shifts a plan forward by `values`, and fills the end by repeating its last `period` values.
fn move_forward(plan: &mut Array1<f32>, values: usize, period: usize) {
    for i in 0..plan.len() {
        if i + values < plan.len() {
            plan[i] = plan[i + values];
        } else if i >= period {
            plan[i] = plan[i - period];
        }
    }
}

/// Makes the same actions relative to another origin.
fn reanchor(network: &Network, plan: &mut Array1<f32>, from: &Origin, to: &Origin) {
    if from == to {
        return;
    }
    let actions = network.predicted_actions(plan.view(), from);
    let normalized = network.normalized_actions(actions.view(), to);
    let rows = plan.axis_chunks_iter_mut(Axis(0), network.manifest().plan_dim());
    for (mut row, action) in rows.zip(normalized.axis_chunks_iter(Axis(0), actions.ncols())) {
        row.iter_mut().zip(action).for_each(|(value, action)| *value = *action);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_plan_moved_forward_ends_with_its_last_action_repeated() {
        let mut plan = array![0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        move_forward(&mut plan, 2, 2);
        assert_eq!(plan, array![2.0, 3.0, 4.0, 5.0, 4.0, 5.0]);
        move_forward(&mut plan, 100, 2);
        assert_eq!(plan, array![2.0, 3.0, 2.0, 3.0, 2.0, 3.0]);
    }
}
