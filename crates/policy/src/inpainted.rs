//! Observations that are a part of the plan: every step of it is an action and an observation, and those that were made
//! are known (Chi et al. 2023, <https://arxiv.org/abs/2303.04137>, after Janner et al. 2022,
//! <https://arxiv.org/abs/2205.09991>).

use parapolicy_sampler::Known;

use crate::Manifest;

/// Known values of each plan.
#[derive(Clone, Debug)]
pub(crate) struct Inpainted {
    /// `[plans, horizon, plan_dim]`.
    values: Vec<f32>,
    /// `[horizon, plan_dim]`, the same for all plans.
    weights: Vec<f32>,
    action_dim: usize,
    seen_dim: usize,
}

impl Inpainted {
    /// For a policy whose observations are a part of its plans.
    pub fn new(manifest: &Manifest) -> Option<Self> {
        let (action_dim, seen_dim) = (manifest.action_dim(), manifest.seen_dim());
        let weight = |at: usize| {
            let (step, column) = (at / manifest.plan_dim(), at % manifest.plan_dim());
            f32::from(u8::from(step < manifest.n_obs_steps && column >= action_dim))
        };
        let weights = (0..manifest.sample_dim()).map(weight).collect();
        manifest.inpaints().then_some(Self { values: Vec::new(), weights, action_dim, seen_dim })
    }

    /// Replaces the known values by the observations `[plans, n_obs_steps · seen_dim]`.
    pub fn bind(&mut self, seen: &[f32], plans: usize) {
        let (sample, row) = (self.weights.len(), self.action_dim + self.seen_dim);
        self.values.clear();
        self.values.resize(plans * sample, 0.0);
        for (plan, seen) in self.values.chunks_exact_mut(sample).zip(seen.chunks_exact(seen.len() / plans)) {
            for (step, seen) in plan.chunks_exact_mut(row).zip(seen.chunks_exact(self.seen_dim)) {
                step[self.action_dim..].copy_from_slice(seen);
            }
        }
    }

    /// Known values of a plan.
    pub fn known(&self, plan: usize) -> Known<'_> {
        let sample = self.weights.len();
        let values = self.values[plan * sample..][..sample].into();
        Known { values, weights: self.weights.as_slice().into() }
    }
}
