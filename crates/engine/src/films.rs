//! The modulations of a batch: a table of the timesteps met so far, and those of the observations that are bound.

use std::collections::HashMap;

use crate::{RunError, network::Condition};

/// Timesteps whose modulations are kept. Schedulers have 1000 at most, of which a plan meets some 10 or 100.
const KEPT: usize = 1024;

/// Modulations, and what they come from.
#[derive(Clone, Debug)]
pub struct Films {
    condition: Condition,
    channels: usize,
    /// Row of the table by timestep.
    known: HashMap<i64, usize>,
    /// `[timestep, channel]`.
    table: Vec<f32>,
    /// `[plan, channel]`.
    bound: Vec<f32>,
    plans: usize,
}

impl Films {
    pub fn new(condition: Condition, channels: usize) -> Self {
        let (known, table, bound) = Default::default();
        Self { condition, channels, known, table, bound, plans: 0 }
    }

    pub fn observation_dim(&self) -> usize {
        self.condition.observation.inputs()
    }

    /// Takes an observation for each of some plans.
    pub fn bind(&mut self, observations: &[f32]) -> Result<(), RunError> {
        let dim = self.observation_dim();
        let plans = observations.len() / dim;
        if !observations.len().is_multiple_of(dim) {
            let expected = plans * dim;
            return Err(RunError::Length { what: "the observations", found: observations.len(), expected });
        }
        self.plans = plans;
        self.bound.clear();
        self.bound.resize(plans * self.channels, 0.0);
        for (plan, observation) in observations.chunks_exact(dim).enumerate() {
            self.condition.observation.add_to(observation, &mut self.bound[plan * self.channels..][..self.channels]);
        }
        Ok(())
    }

    /// Whether all `plans` have an observation.
    pub fn check(&self, plans: &[usize]) -> Result<(), RunError> {
        match plans.iter().find(|&&plan| plan >= self.plans) {
            Some(&plan) => Err(RunError::Plan { plan, bound: self.plans }),
            None => Ok(()),
        }
    }

    /// Writes `rows`, `[batch, channel]`, of plans that have an observation.
    pub fn write(&mut self, plans: &[usize], timesteps: &[i64], rows: &mut [f32]) {
        if self.known.len() > KEPT {
            self.known.clear();
            self.table.clear();
        }
        let channels = self.channels;
        for (row, (&plan, &timestep)) in plans.iter().zip(timesteps).enumerate() {
            let known = self.know(timestep);
            let of_timestep = &self.table[known * channels..][..channels];
            let of_plan = &self.bound[plan * channels..][..channels];
            let sums = rows[row * channels..][..channels].iter_mut();
            for (sum, (a, b)) in sums.zip(of_timestep.iter().zip(of_plan)) {
                *sum = a + b;
            }
        }
    }

    /// The timestep's row in the table, computed if it is the first time.
    fn know(&mut self, timestep: i64) -> usize {
        let new = self.known.len();
        *self.known.entry(timestep).or_insert_with(|| {
            self.table.resize((new + 1) * self.channels, 0.0);
            let films = &mut self.table[new * self.channels..];
            self.condition.timestep.add_to(&[timestep as f32], films);
            new
        })
    }
}
