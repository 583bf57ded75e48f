//! What a warm-started plan takes over from the plan before it.

use ndarray::Array1;
use parapolicy_sampler::{Noise, Sampler};

/// What a plan takes over from the one before.
pub(super) enum Carry<'a> {
    Nothing,
    /// Warm start from the last x̂0, with its noise.
    Guess(Option<Noise>),
    /// The plan itself, noised again, for a sampler without the first steps.
    Plan(&'a mut Sampler, Option<Array1<f32>>),
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

    /// The sampler of the next plan and its noise; what it takes over is shifted forward by `values`, in steps of
    /// `plan_dim` values.
    pub fn begin<'s>(
        &'s mut self,
        sampler: &'s mut Sampler,
        seed: u64,
        values: usize,
        plan_dim: usize,
    ) -> (&'s mut Sampler, Noise) {
        let draw = |sampler: &Sampler| Noise::draw(seed, sampler.table().steps(), sampler.dim());
        match self {
            Self::Guess(Some(noise)) => {
                noise.shift(values, seed);
                sampler.warm_start(values, plan_dim);
                (sampler, noise.clone())
            }
            Self::Plan(rest, Some(plan)) => {
                move_forward(plan, values, plan_dim);
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
    pub fn keep(&mut self, noise: Noise, plan: Array1<f32>) {
        match self {
            Self::Nothing => {}
            Self::Guess(last) => *last = Some(noise),
            Self::Plan(_, last) => *last = Some(plan),
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
