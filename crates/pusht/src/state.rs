//! Positions of agent and block, and the observations made from them.

use std::array;

use nalgebra::Vector2;

use crate::geometry::{BAR, KEYPOINTS, Pose, STEM, wrap_angle};

/// The agent's position and the block's pose: all that an observer sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// The agent's centre, px.
    pub agent: Vector2<f64>,
    /// The block's pose.
    pub block: Pose,
}

impl State {
    /// From `[agent x, agent y, block x, block y, block angle]` (px, rad).
    ///
    /// ```
    /// use parapolicy_pusht::State;
    ///
    /// let state = State::from_array([100.0, 200.0, 300.0, 150.0, 7.0]);
    /// assert_eq!(state.to_array()[..4], [100.0, 200.0, 300.0, 150.0]);
    /// assert!(state.to_array()[4] < std::f64::consts::TAU);
    /// ```
    pub const fn from_array([agent_x, agent_y, x, y, angle]: [f64; 5]) -> Self {
        Self { agent: Vector2::new(agent_x, agent_y), block: Pose::new(x, y, angle) }
    }

    /// gym-pusht's `state` observation: `[agent x, agent y, block x, block y, block angle]`, the angle in [0, 2π).
    pub fn to_array(&self) -> [f64; 5] {
        let Pose { position, angle } = self.block;
        [self.agent.x, self.agent.y, position.x, position.y, wrap_angle(angle)]
    }

    /// The low-dimensional Diffusion Policy's observation: x and y of the nine [`KEYPOINTS`] on the table, then of
    /// the agent, px.
    pub fn keypoints(&self) -> [f64; 20] {
        let block = self.block.place(&KEYPOINTS);
        self.with_agent(block.as_flattened())
    }

    /// gym-pusht's `environment_state_agent_pos` observation: x and y of the bar's and the stem's corners on the
    /// table, then of the agent, px.
    pub fn vertices(&self) -> [f64; 18] {
        let block = [self.block.place(&BAR), self.block.place(&STEM)];
        self.with_agent(block.as_flattened().as_flattened())
    }

    fn with_agent<const N: usize>(&self, block: &[f64]) -> [f64; N] {
        array::from_fn(|i| if i < block.len() { block[i] } else { self.agent[i - block.len()] })
    }
}
