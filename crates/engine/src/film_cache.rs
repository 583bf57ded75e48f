//! The FiLM parameters of a batch: those of the timesteps met so far are kept in a table, and so are those of the bound
//! observations. Conditioning tokens are kept with them.

use std::collections::HashMap;

use crate::{RunError, network::Condition};

/// How many timesteps are kept. Schedulers have 1000 at most, of which a plan uses some 10 or 100.
const KEPT: usize = 1024;

/// The FiLM parameters of known timesteps and bound observations, and how they are computed.
#[derive(Clone, Debug)]
pub struct FilmCache {
    condition: Condition,
    channels: usize,
    /// Row of the table by the bits of the timestep.
    rows: HashMap<u32, usize>,
    /// `[timestep, channel]`.
    of_timesteps: Vec<f32>,
    /// `[plan, channel]`.
    of_observations: Vec<f32>,
    plans: usize,
}

impl FilmCache {
    pub fn new(condition: Condition, channels: usize) -> Self {
        let (rows, of_timesteps, of_observations) = Default::default();
        Self { condition, channels, rows, of_timesteps, of_observations, plans: 0 }
    }

    pub fn observation_dim(&self) -> usize {
        self.condition.observation.inputs()
    }

    /// Binds an observation for each of some plans, in place of those before.
    pub fn bind(&mut self, observations: &[f32]) -> Result<(), RunError> {
        let dim = self.observation_dim();
        let plans = observations.len() / dim;
        if !observations.len().is_multiple_of(dim) {
            let expected = plans * dim;
            return Err(RunError::Length { what: "the observations", found: observations.len(), expected });
        }
        self.plans = plans;
        self.of_observations.clear();
        self.of_observations.resize(plans * self.channels, 0.0);
        for (plan, observation) in observations.chunks_exact(dim).enumerate() {
            let row = &mut self.of_observations[plan * self.channels..][..self.channels];
            self.condition.observation.add_to(observation, row);
        }
        Ok(())
    }

    /// Whether an observation is bound for each of `plans`.
    pub fn check(&self, plans: &[usize]) -> Result<(), RunError> {
        match plans.iter().find(|&&plan| plan >= self.plans) {
            Some(&plan) => Err(RunError::Plan { plan, bound: self.plans }),
            None => Ok(()),
        }
    }

    /// Writes `rows`, `[batch, channel]`, for plans that passed [`check`](Self::check).
    pub fn write(&mut self, plans: &[usize], timesteps: &[f32], rows: &mut [f32]) {
        if self.rows.len() > KEPT {
            self.rows.clear();
            self.of_timesteps.clear();
        }
        let channels = self.channels;
        for (row, (&plan, &timestep)) in plans.iter().zip(timesteps).enumerate() {
            let known = self.row_of(timestep);
            let of_timestep = &self.of_timesteps[known * channels..][..channels];
            let of_plan = &self.of_observations[plan * channels..][..channels];
            let sums = rows[row * channels..][..channels].iter_mut();
            for (sum, (a, b)) in sums.zip(of_timestep.iter().zip(of_plan)) {
                *sum = a + b;
            }
        }
    }

    /// The timestep's row in the table, computed if it is not there yet.
    fn row_of(&mut self, timestep: f32) -> usize {
        let new = self.rows.len();
        *self.rows.entry(timestep.to_bits()).or_insert_with(|| {
            self.of_timesteps.resize((new + 1) * self.channels, 0.0);
            let row = &mut self.of_timesteps[new * self.channels..];
            self.condition.timestep.add_to(&[timestep], row);
            new
        })
    }
}
